//! What the cart comes to: the one pricing of quotes and of orders.

use super::Context;
use crate::domain::account::Account;
use crate::domain::cart::{Cart, Line};
use crate::domain::catalog::offer;
use crate::domain::money::Rate;
use crate::domain::order::{OrderLine, Quote};
use crate::domain::pricing::{self, Item, Priced};
use crate::domain::shop::{Promotion, ShippingMethod};
use crate::domain::user::{Rejection, Terms};
use std::borrow::Cow;

/// What an order of everything that is in the cart comes to at today's prices, and the promotions
/// that it uses.
pub(super) fn quote<'a>(
    cart: &Cart,
    account: &Account,
    terms: &Terms,
    context: &Context<'a>,
) -> Result<(Quote, Vec<&'a Promotion>), Rejection> {
    let lines = sold_as(cart, context)?;
    let (priced, promotions, shipping) = price(&lines, account, terms, context)?;
    let codes = promotions.iter().map(|promotion| promotion.code.clone());
    let quote = Quote {
        promotion_codes: codes.collect(),
        shipping_method_id: shipping.id.clone(),
        totals: priced.totals,
        lines: lines
            .into_iter()
            .zip(&priced.lines)
            .map(order_line)
            .collect(),
    };
    Ok((quote, promotions))
}

/// The lines with what they are sold as today.
fn sold_as(cart: &Cart, context: &Context<'_>) -> Result<Vec<Line>, Rejection> {
    if cart.lines.is_empty() {
        return Err(Rejection::CartEmpty);
    }
    let sold =
        cart.lines.iter().map(|line| {
            let offer = offer(context.catalog, &line.product_id, line.variant_id.as_ref())
                .map_err(|_| Rejection::ProductUnavailable {
                    name: line.name.clone(),
                })?;
            let (sku, name, price) = (offer.sku.clone(), offer.name.to_owned(), offer.price);
            Ok(Line {
                sku,
                name,
                price,
                ..line.clone()
            })
        });
    sold.collect()
}

type Pricing<'a> = (Priced, Vec<&'a Promotion>, Cow<'a, ShippingMethod>);

fn price<'a>(
    lines: &[Line],
    account: &Account,
    terms: &Terms,
    context: &Context<'a>,
) -> Result<Pricing<'a>, Rejection> {
    let shop = context.shop;
    // The first line decides where nothing was imported: a shop has one currency.
    let currency = shop.currency.unwrap_or(lines[0].price.currency);
    let wanted = terms.shipping_method_id.as_ref();
    let shipping = shop.shipping_method(wanted, currency).ok_or_else(|| {
        wanted
            .cloned()
            .map_or(Rejection::TotalTooLarge, Rejection::UnknownShippingMethod)
    })?;
    let item = |line: &Line| Item {
        unit_price: line.price,
        quantity: line.quantity,
    };
    let items: Vec<Item> = lines.iter().map(item).collect();
    let subtotal = pricing::subtotal(currency, &items).map_err(|_| Rejection::TotalTooLarge)?;
    let codes = &terms.promotion_codes;
    let promotions = shop
        .promotions_for(codes, subtotal, context.now, &account.promotion_uses)
        .map_err(|refusal| Rejection::Promotion {
            code: refusal.code,
            problem: refusal.reason.to_string(),
        })?;
    let destination = terms.destination.as_ref();
    let tax = destination.map_or(Rate::ZERO, |destination| shop.tax_rate(destination));
    let priced = pricing::price(currency, &items, &promotions, tax, &shipping)
        .map_err(|_| Rejection::TotalTooLarge)?;
    Ok((priced, promotions, shipping))
}

fn order_line((line, priced): (Line, &pricing::PricedLine)) -> OrderLine {
    OrderLine {
        id: line.id,
        product_id: line.product_id,
        variant_id: line.variant_id,
        sku: line.sku,
        name: line.name,
        attributes: line.attributes,
        quantity: line.quantity,
        unit_price: line.price,
        discount: priced.discount,
        tax: priced.tax,
        total: priced.total,
    }
}

#[cfg(test)]
mod tests;
