//! What an order costs: discounts, taxes and shipping, to the minor unit. Pure arithmetic; which
//! rate, method and promotions count is chosen by `shop::Shop`.
#![deny(clippy::arithmetic_side_effects, clippy::as_conversions)]

use super::money::{Currency, Money, Rate};
use super::order::Totals;
use super::shop::{Discount, Promotion, ShippingMethod};
use std::cmp::Reverse;

/// What is priced: units of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Price of one.
    pub unit_price: Money,
    /// Units.
    pub quantity: u32,
}

/// What one item comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PricedLine {
    /// Its share of the discounts, at most unit price x quantity.
    pub discount: Money,
    /// Tax on unit price x quantity - discount.
    pub tax: Money,
    /// unit price x quantity - discount + tax.
    pub total: Money,
}

/// What an order comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// One for each item, in their order.
    pub lines: Vec<PricedLine>,
    /// The sums.
    pub totals: Totals,
}

/// Why there is no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PricingError {
    /// A price, a discount or a threshold is in another currency than the order.
    #[error("amounts in {0} and {1} cannot be combined")]
    MixedCurrencies(Currency, Currency),
    /// A price, a discount or a threshold is below zero.
    #[error("an amount must not be negative")]
    Negative,
    /// An amount is, or comes to, more than [`Money::MAX_AMOUNT`].
    #[error("the amount is too large")]
    TooLarge,
}

/// What `items` cost before discounts.
///
/// # Errors
/// As [`price`].
pub fn subtotal(currency: Currency, items: &[Item]) -> Result<Money, PricingError> {
    money(currency, sum(&amounts(currency, items)?))
}

/// What an order of `items` costs with `promotions` in the order in which the customer gave them,
/// each of them once.
///
/// Percentages come before fixed amounts, each off what remains. The whole discount is shared over
/// the items in proportion to their amounts by largest remainder. Each item is taxed once; shipping
/// is not taxed.
///
/// # Errors
/// [`PricingError`] where amounts cannot be combined or are beyond what the shop deals in.
pub fn price(
    currency: Currency,
    items: &[Item],
    promotions: &[&Promotion],
    tax: Rate,
    shipping: &ShippingMethod,
) -> Result<Priced, PricingError> {
    let amounts = amounts(currency, items)?;
    let subtotal = money(currency, sum(&amounts))?;
    let discount = discount(subtotal, promotions)?;
    let lines = amounts
        .iter()
        .zip(share_out(discount.amount, &amounts))
        .map(|(amount, discount)| price_line(currency, *amount, discount, tax))
        .collect::<Result<Vec<_>, _>>()?;
    let tax = money(currency, sum(lines.iter().map(|line| &line.tax.amount)))?;
    let goods = subtotal.amount.saturating_sub(discount.amount);
    let shipping = shipping_price(currency, shipping, goods)?;
    let total = money(currency, sum(&[goods, tax.amount, shipping.amount]))?;
    let totals = Totals {
        subtotal,
        discount,
        tax,
        shipping,
        total,
    };
    Ok(Priced { lines, totals })
}

/// Unit price x quantity of each item.
fn amounts(currency: Currency, items: &[Item]) -> Result<Vec<i64>, PricingError> {
    let amount = |item: &Item| {
        let unit = i128::from(given(currency, item.unit_price)?);
        let amount = unit.saturating_mul(i128::from(item.quantity));
        Ok(money(currency, amount)?.amount)
    };
    items.iter().map(amount).collect()
}

/// What all promotions together take off `subtotal`.
fn discount(subtotal: Money, promotions: &[&Promotion]) -> Result<Money, PricingError> {
    let mut in_turn = promotions.to_vec();
    in_turn.sort_by_key(|promotion| matches!(promotion.discount, Discount::Fixed(_)));
    let mut rest = subtotal.amount;
    for promotion in in_turn {
        let off = match promotion.discount {
            Discount::Percent(rate) => rate.of_down(rest),
            Discount::Fixed(amount) => given(subtotal.currency, amount)?,
        };
        rest = rest.saturating_sub(off.min(rest));
    }
    let taken = subtotal.amount.saturating_sub(rest);
    money(subtotal.currency, i128::from(taken))
}

/// `total` (at most the sum of `amounts`) in whole units, in proportion to `amounts`: each share
/// rounded down, and a unit more for those that lost most by it, the earlier first on a tie. So no
/// share exceeds its amount, and the shares add up to `total`.
fn share_out(total: i64, amounts: &[i64]) -> Vec<i64> {
    let whole = sum(amounts);
    let (mut shares, lost): (Vec<i64>, Vec<i128>) = amounts
        .iter()
        .map(|amount| {
            let part = i128::from(total).saturating_mul(i128::from(*amount));
            // The checks catch a whole of zero, of which each share is zero.
            let share = part.checked_div(whole).unwrap_or(0);
            let lost = part.checked_rem(whole).unwrap_or(0);
            (i64::try_from(share).unwrap_or(total), lost)
        })
        .unzip();
    let left = i128::from(total).saturating_sub(sum(&shares));
    let mut by_loss: Vec<usize> = (0..shares.len()).collect();
    by_loss.sort_by_key(|index| Reverse(lost[*index]));
    for index in by_loss.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        shares[index] = shares[index].saturating_add(1);
    }
    shares
}

fn price_line(
    currency: Currency,
    amount: i64,
    discount: i64,
    tax: Rate,
) -> Result<PricedLine, PricingError> {
    let taxed = amount.saturating_sub(discount);
    let tax = tax.of_half_up(taxed);
    Ok(PricedLine {
        discount: money(currency, i128::from(discount))?,
        tax: money(currency, i128::from(tax))?,
        total: money(currency, sum(&[taxed, tax]))?,
    })
}

/// What sending goods costs that cost `goods` after discounts.
fn shipping_price(
    currency: Currency,
    method: &ShippingMethod,
    goods: i64,
) -> Result<Money, PricingError> {
    let price = given(currency, method.price)?;
    let threshold = method.free_from.map(|from| given(currency, from));
    let free = threshold.transpose()?.is_some_and(|from| goods >= from);
    money(currency, if free { 0 } else { i128::from(price) })
}

/// The amount of what was handed in, which must be in `currency` and not negative.
fn given(currency: Currency, sum: Money) -> Result<i64, PricingError> {
    if sum.currency != currency {
        Err(PricingError::MixedCurrencies(currency, sum.currency))
    } else if sum.amount < 0 {
        Err(PricingError::Negative)
    } else {
        Ok(sum.amount)
    }
}

fn money(currency: Currency, amount: i128) -> Result<Money, PricingError> {
    let amount = i64::try_from(amount).map_err(|_| PricingError::TooLarge)?;
    Money::new(amount, currency).map_err(|_| PricingError::TooLarge)
}

fn sum<'a>(amounts: impl IntoIterator<Item = &'a i64>) -> i128 {
    let wide = amounts.into_iter().map(|amount| i128::from(*amount));
    wide.fold(0, i128::saturating_add)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test may panic")]
mod tests;
