//! The judgement: what customers were told against what there is. It asks nobody.

use crate::record::{Lines, What};
use crate::told::{Customer, Order, Told};
use std::collections::BTreeMap;
use std::fmt;

/// How many violations are shown.
const SHOWN: usize = 20;

/// What there is in the end.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// By e-mail address.
    pub(crate) customers: BTreeMap<String, Belongings>,
    /// Units left, by SKU.
    pub(crate) stock: BTreeMap<String, u64>,
}

/// What a customer has.
#[derive(Debug, Default)]
pub(crate) struct Belongings {
    pub(crate) cart: Lines,
    /// With their ids, as they are listed.
    pub(crate) orders: Vec<(String, Order)>,
}

/// What was judged, and what is wrong. As text it ends in one line that says which.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) violations: Vec<String>,
    /// Whether every unit of each SKU is in an order, or left.
    pub(crate) is_stock_right: bool,
    customers: usize,
    acknowledged: usize,
    listed: usize,
    unanswered: usize,
    before: u64,
    ordered: u64,
    left: u64,
}

/// Judges what is found by what was told.
pub(crate) fn judge(told: &Told, found: &Found) -> Verdict {
    let mut verdict = Verdict {
        is_stock_right: true,
        ..Verdict::default()
    };
    let nothing = Belongings::default();
    for (email, customer) in &told.customers {
        let belongings = found.customers.get(email).unwrap_or(&nothing);
        let violations = judge_customer(customer, belongings);
        let violations = violations
            .into_iter()
            .map(|what| format!("{email}: {what}"));
        verdict.violations.extend(violations);
        verdict.customers += 1;
        verdict.acknowledged += customer.orders.len();
        verdict.listed += belongings.orders.len();
        verdict.unanswered += usize::from(customer.unanswered.is_some());
    }
    for (sku, stock) in &told.stock {
        let ordered = ordered(found, sku);
        let left = found.stock.get(sku).copied().unwrap_or_default();
        if stock.left != ordered + left {
            verdict.is_stock_right = false;
            verdict.violations.push(format!(
                "{sku}: there were {}, {ordered} are in orders, and {left} are left",
                stock.left
            ));
        }
        verdict.before += stock.left;
        verdict.ordered += ordered;
        verdict.left += left;
    }
    verdict
}

/// Units of the SKU in all orders.
fn ordered(found: &Found, sku: &str) -> u64 {
    let orders = found.customers.values().flat_map(|it| &it.orders);
    orders.filter_map(|(_, order)| order.units.get(sku)).sum()
}

fn judge_customer(told: &Customer, has: &Belongings) -> Vec<String> {
    let mut violations = Vec::new();
    for (id, order) in &told.orders {
        let listed: Vec<_> = has
            .orders
            .iter()
            .filter(|(listed, _)| listed == id)
            .collect();
        match &*listed {
            [(_, one)] if one == order => {}
            [(_, one)] => violations.push(format!("the order {id} was {order:?}, and is {one:?}")),
            [] => violations.push(format!("the order {id} is lost")),
            _ => violations.push(format!("the order {id} is listed {} times", listed.len())),
        }
    }
    let unknown = has
        .orders
        .iter()
        .filter(|(id, _)| !told.orders.contains_key(id));
    // The one that was never answered may have been placed.
    let allowed = usize::from(told.unanswered == Some(What::Order));
    let unknown = unknown.skip(allowed);
    violations.extend(unknown.map(|(id, _)| format!("nobody was told of the order {id}")));
    if told.unanswered.is_none() && told.cart != has.cart {
        let (was, is) = (&told.cart, &has.cart);
        violations.push(format!("the cart was {was:?}, and is {is:?}"));
    }
    violations
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "customers: {}, of whom {} never had their last answer",
            self.customers, self.unanswered
        )?;
        writeln!(
            f,
            "orders: {} acknowledged, {} listed",
            self.acknowledged, self.listed
        )?;
        writeln!(
            f,
            "units: {} before, {} ordered, {} left",
            self.before, self.ordered, self.left
        )?;
        for violation in self.violations.iter().take(SHOWN) {
            writeln!(f, "  {violation}")?;
        }
        match self.violations.len() {
            0 => write!(f, "verdict: nothing was lost, and nothing is there twice"),
            wrong => write!(f, "verdict: VIOLATED, {wrong} times"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Event, Line};

    fn ann() -> String {
        "ann@example.com".to_owned()
    }

    fn lines(quantity: u64) -> Lines {
        let sku = "A".to_owned();
        Lines::from([("line".to_owned(), Line { sku, quantity })])
    }

    fn units(quantity: u64) -> BTreeMap<String, u64> {
        BTreeMap::from([("A".to_owned(), quantity)])
    }

    /// Ann has ordered 2 of 10, and put 3 into her cart.
    fn events() -> Vec<Event> {
        let email = ann();
        vec![
            Event::Stock {
                product_id: "a".to_owned(),
                sku: "A".to_owned(),
                left: 10,
            },
            Event::Customer {
                email: email.clone(),
                password: "secret".to_owned(),
            },
            Event::Asked {
                email: email.clone(),
                what: What::Order,
            },
            Event::Order {
                email: email.clone(),
                id: "1".to_owned(),
                units: units(2),
                total: 9,
            },
            Event::Asked {
                email: email.clone(),
                what: What::Cart,
            },
            Event::Cart {
                email: email.clone(),
                lines: lines(3),
            },
            Event::Asked {
                email: email.clone(),
                what: What::Cart,
            },
            Event::Refused { email },
        ]
    }

    fn order(quantity: u64, total: u64) -> Order {
        Order {
            units: units(quantity),
            total,
        }
    }

    fn found(cart: u64, orders: &[(&str, Order)], left: u64) -> Found {
        let orders = orders
            .iter()
            .map(|(id, order)| ((*id).to_owned(), order.clone()));
        let belongings = Belongings {
            cart: lines(cart),
            orders: orders.collect(),
        };
        Found {
            customers: BTreeMap::from([(ann(), belongings)]),
            stock: BTreeMap::from([("A".to_owned(), left)]),
        }
    }

    fn violations(events: &[Event], found: &Found) -> Vec<String> {
        judge(&Told::by(events), found).violations
    }

    #[test]
    fn what_is_there_as_it_was_told_is_right() {
        let verdict = judge(&Told::by(&events()), &found(3, &[("1", order(2, 9))], 8));
        assert_eq!(
            verdict.to_string(),
            "customers: 1, of whom 0 never had their last answer\n\
             orders: 1 acknowledged, 1 listed\nunits: 10 before, 2 ordered, 8 left\n\
             verdict: nothing was lost, and nothing is there twice"
        );
    }

    #[test]
    fn an_order_must_be_there_once_and_unchanged() {
        let events = events();
        let one = ("1", order(2, 9));
        let of = |orders: &[(&str, Order)], left| violations(&events, &found(3, orders, left));
        let told = |what: &str| vec![format!("ann@example.com: {what}")];
        assert_eq!(of(&[], 10), told("the order 1 is lost"));
        let twice = of(&[one.clone(), one.clone()], 6);
        assert_eq!(twice, told("the order 1 is listed 2 times"));
        let more = of(&[one, ("2", order(1, 5))], 7);
        assert_eq!(more, told("nobody was told of the order 2"));
        assert_eq!(of(&[("1", order(2, 8))], 8).len(), 1);
        assert_eq!(of(&[("1", order(1, 9))], 9).len(), 1);
    }

    #[test]
    fn the_cart_must_be_what_was_acknowledged_last() {
        let wrong = violations(&events(), &found(2, &[("1", order(2, 9))], 8));
        assert!(
            wrong.len() == 1 && wrong[0].contains("the cart was"),
            "{wrong:?}"
        );
        assert_eq!(violations(&events(), &Found::default()).len(), 3);
    }

    #[test]
    fn every_unit_is_in_an_order_or_left() {
        for left in [7, 9] {
            let wrong = violations(&events(), &found(3, &[("1", order(2, 9))], left));
            let told = format!("A: there were 10, 2 are in orders, and {left} are left");
            assert_eq!(wrong, [told]);
        }
    }

    #[test]
    fn what_was_never_answered_may_be_there_or_not() {
        let mut events = events();
        events.push(Event::Asked {
            email: ann(),
            what: What::Order,
        });
        let (one, two, three) = (("1", order(2, 9)), ("2", order(3, 14)), ("3", order(1, 5)));
        let of =
            |cart, orders: &[(&str, Order)], left| violations(&events, &found(cart, orders, left));
        assert!(of(3, std::slice::from_ref(&one), 8).is_empty());
        assert!(of(0, &[one.clone(), two.clone()], 5).is_empty());
        assert_eq!(of(0, &[one, two, three], 4).len(), 1);
    }
}
