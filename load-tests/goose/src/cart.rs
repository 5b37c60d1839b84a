//! What carts and orders that are shown must be: exactly what was asked for, and sums that add up.

use crate::record::{Line, Lines};
use serde_json::Value;
use std::collections::BTreeMap;

/// The lines that a cart shows.
pub(crate) fn lines_of(cart: &Value) -> Result<Lines, String> {
    let items = cart["items"].as_array().ok_or("items is no list")?;
    let line = |item: &Value| {
        let line = Line {
            sku: item["sku"].as_str()?.to_owned(),
            quantity: item["quantity"].as_u64()?,
        };
        Some((item["id"].as_str()?.to_owned(), line))
    };
    let lines: Lines = items.iter().filter_map(line).collect();
    match lines.len() == items.len() {
        true => Ok(lines),
        false => Err("an item lacks its id, sku or quantity, or has another's id".to_owned()),
    }
}

/// Whether a cart is what it was with so many units of a SKU added, and nothing else.
pub(crate) fn is_added(
    before: &Lines,
    sku: &str,
    quantity: u64,
    after: &Lines,
) -> Result<(), String> {
    let mut expected = before.clone();
    let there = expected.iter_mut().find(|(_, line)| line.sku == sku);
    match there {
        Some((_, line)) => line.quantity += quantity,
        None => {
            let mut new = after.iter().filter(|(id, _)| !before.contains_key(*id));
            let (id, _) = new.next().ok_or("the cart has no new line")?;
            let sku = sku.to_owned();
            expected.insert(id.clone(), Line { sku, quantity });
        }
    }
    is_same(&expected, after)
}

/// Whether a cart is exactly what it must be.
pub(crate) fn is_same(expected: &Lines, shown: &Lines) -> Result<(), String> {
    match expected == shown {
        true => Ok(()),
        false => Err(format!("the cart must be {expected:?}, but is {shown:?}")),
    }
}

/// Units by their SKUs.
pub(crate) fn units_of(lines: &Lines) -> BTreeMap<String, u64> {
    let mut units = BTreeMap::new();
    for line in lines.values() {
        *units.entry(line.sku.clone()).or_default() += line.quantity;
    }
    units
}

/// Whether an order is of exactly these lines, and adds up.
pub(crate) fn is_order_of(cart: &Lines, order: &Value) -> Result<(), String> {
    let (ordered, expected) = (units_of(&lines_of(order)?), units_of(cart));
    if ordered != expected {
        return Err(format!(
            "{expected:?} were ordered, but the order is of {ordered:?}"
        ));
    }
    adds_up(order)
}

/// Whether each total of an order is the sum of its lines, and the last one of the others.
fn adds_up(order: &Value) -> Result<(), String> {
    let items = order["items"].as_array().ok_or("items is no list")?;
    let mut sums = [0; 4];
    for item in items {
        let quantity = item["quantity"].as_i64().unwrap_or_default();
        let gross = amount(item, "unit_price")? * quantity;
        let (discount, tax) = (
            amount(item, "discount_amount")?,
            amount(item, "tax_amount")?,
        );
        let total = amount(item, "total")?;
        if total != gross - discount + tax {
            return Err(format!("a line does not add up: {item}"));
        }
        let line = [gross, discount, tax, total];
        sums.iter_mut()
            .zip(line)
            .for_each(|(sum, part)| *sum += part);
    }
    let shipping = amount(order, "shipping_total")?;
    let told = [
        amount(order, "subtotal")?,
        amount(order, "discount_total")?,
        amount(order, "tax_total")?,
        amount(order, "total")? - shipping,
    ];
    match told == sums {
        true => Ok(()),
        false => Err(format!(
            "the totals must be {sums:?} and {shipping}, but are {order}"
        )),
    }
}

/// Minor units.
fn amount(of: &Value, name: &str) -> Result<i64, String> {
    let amount = of[name]["amount"].as_i64();
    amount.ok_or_else(|| format!("{name} has no amount"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(of: &[(&str, &str, u64)]) -> Lines {
        let line = |(id, sku, quantity): &(&str, &str, u64)| {
            let sku = (*sku).to_owned();
            (
                (*id).to_owned(),
                Line {
                    sku,
                    quantity: *quantity,
                },
            )
        };
        of.iter().map(line).collect()
    }

    #[test]
    fn what_is_added_is_there_and_nothing_else() {
        let before = lines(&[("1", "A", 2)]);
        let is = |after: &[(&str, &str, u64)]| is_added(&before, "B", 3, &lines(after)).is_ok();
        assert!(is(&[("1", "A", 2), ("2", "B", 3)]));
        assert!(!is(&[("1", "A", 2)]));
        assert!(!is(&[("1", "A", 2), ("2", "B", 2)]));
        assert!(!is(&[("1", "A", 3), ("2", "B", 3)]));
        assert!(!is(&[("2", "B", 3)]));
        assert!(!is(&[("1", "A", 2), ("2", "B", 3), ("3", "B", 3)]));
        assert!(is_added(&before, "A", 1, &lines(&[("1", "A", 3)])).is_ok());
        assert!(is_added(&before, "A", 1, &lines(&[("1", "A", 2), ("2", "A", 1)])).is_err());
    }

    #[test]
    fn a_cart_shows_every_line_once() {
        let line = json!({"id": "1", "sku": "A", "quantity": 2});
        let shown = lines_of(&json!({"items": [line]}));
        assert_eq!(shown.unwrap(), lines(&[("1", "A", 2)]));
        assert!(lines_of(&json!({"items": [line, line]})).is_err());
        assert!(lines_of(&json!({"items": [{"id": "1"}]})).is_err());
    }

    #[test]
    fn an_order_is_of_the_cart_and_adds_up_to_the_unit() {
        let usd = |amount: i64| json!({"amount": amount, "currency": "USD"});
        let mut order = json!({
            "items": [{
                "id": "9", "sku": "A", "quantity": 2, "unit_price": usd(500),
                "discount_amount": usd(100), "tax_amount": usd(79), "total": usd(979),
            }],
            "subtotal": usd(1000), "discount_total": usd(100), "tax_total": usd(79),
            "shipping_total": usd(20), "total": usd(999),
        });
        let cart = lines(&[("1", "A", 2)]);
        assert_eq!(is_order_of(&cart, &order), Ok(()));
        assert!(is_order_of(&lines(&[("1", "A", 1)]), &order).is_err());
        for name in [
            "subtotal",
            "discount_total",
            "tax_total",
            "shipping_total",
            "total",
        ] {
            let mut other = order.clone();
            other[name] = usd(1);
            assert!(is_order_of(&cart, &other).is_err(), "{name}");
        }
        order["items"][0]["tax_amount"] = usd(80);
        assert!(is_order_of(&cart, &order).is_err());
    }
}
