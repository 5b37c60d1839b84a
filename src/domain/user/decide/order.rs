//! Orders: drafted from the cart, reserved by the actor, then decided once more.

use super::quote::quote;
use super::{Answer, Context, Decision, authenticate, key_used, match_revision, replay};
use crate::domain::account::Account;
use crate::domain::cart::Cart;
use crate::domain::ids::{OrderId, PromotionCode};
use crate::domain::order::{Order, OrderLine, OrderStatus};
use crate::domain::shop::Promotion;
use crate::domain::stock::StockKey;
use crate::domain::user::{Checkout, Event, Rejection, Request, State};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An order in the making, priced, with everything that has to be held for it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The order; its place in the user's count is given when it is decided.
    pub order: Order,
    /// Every item with the units that it takes, each item once.
    pub demand: Vec<(StockKey, u32)>,
    /// The codes whose uses are counted per user.
    pub counted: Vec<PromotionCode>,
}

/// Drafts an order of everything that is in the cart, at today's prices.
pub(super) fn draft(
    cart: &Cart,
    account: &Account,
    checkout: &Checkout,
    context: &Context<'_>,
) -> Result<Draft, Rejection> {
    let (quote, promotions) = quote(cart, account, &checkout.terms(), context)?;
    let total = quote.totals.total;
    if checkout
        .expected_total
        .is_some_and(|expected| expected != total)
    {
        return Err(Rejection::PriceChanged(total));
    }
    let demand = demand(&quote.lines, &promotions)?;
    let shipping_address = checkout.shipping_address.clone();
    let order = Order {
        id: OrderId::new(context.now, (context.fresh_id)()),
        user_id: account.id,
        seq: 0,
        status: OrderStatus::Pending,
        lines: quote.lines,
        billing_address: checkout
            .billing_address
            .clone()
            .unwrap_or(shipping_address.clone()),
        shipping_address,
        payment_method_id: checkout.payment_method_id.clone(),
        promotion_codes: quote.promotion_codes,
        shipping_method_id: quote.shipping_method_id,
        totals: quote.totals,
        notes: checkout.notes.clone(),
        created_at: context.now,
        updated_at: context.now,
    };
    let counted = promotions
        .iter()
        .filter(|promotion| promotion.limit_per_user.is_some());
    let counted = counted.map(|promotion| promotion.code.clone()).collect();
    Ok(Draft {
        order,
        demand,
        counted,
    })
}

/// What has to be held: units summed per SKU, and one use of each promotion that is limited in all.
fn demand(
    lines: &[OrderLine],
    promotions: &[&Promotion],
) -> Result<Vec<(StockKey, u32)>, Rejection> {
    let mut demand = BTreeMap::<StockKey, u32>::new();
    for line in lines {
        let units = demand.entry(StockKey::Sku(line.sku.clone())).or_default();
        *units = units
            .checked_add(line.quantity)
            .ok_or(Rejection::InvalidQuantity)?;
    }
    let limited = promotions
        .iter()
        .filter(|promotion| promotion.limit_total.is_some());
    demand.extend(limited.map(|promotion| (StockKey::Promotion(promotion.code.clone()), 1)));
    Ok(demand.into_iter().collect())
}

/// Decides a drafted order whose demand is held: what the request depends on is judged once more,
/// as of now.
///
/// # Errors
/// [`Rejection::CartChanged`] where the user's state is no longer what the draft rests on: an
/// ordered line is gone or smaller, the key took effect, or a promotion's uses ran out. The
/// attempt is to be ended; the request may be decided again. Else the refusal.
pub fn finish(
    state: &State,
    request: &Request,
    draft: &Draft,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let account = authenticate(state, request)?.ok_or(Rejection::UserNotFound)?;
    let key_took_effect = replay(state, request, context)?.is_some();
    if !key_took_effect {
        match_revision(state, request)?;
    }
    let still_in_cart = |ordered: &OrderLine| {
        state
            .cart
            .line(ordered.id)
            .is_some_and(|line| line.quantity >= ordered.quantity)
    };
    let may_use = |code: &PromotionCode| {
        let limit = context
            .shop
            .promotions
            .get(code)
            .and_then(|found| found.limit_per_user);
        let used = account.promotion_uses.get(code).copied().unwrap_or(0);
        limit.is_none_or(|limit| used < limit)
    };
    let stands = draft.order.lines.iter().all(still_in_cart)
        && !key_took_effect
        && draft.counted.iter().all(may_use);
    if !stands {
        return Err(Rejection::CartChanged);
    }
    let order = Arc::new(Order {
        seq: account.order_seq + 1,
        ..draft.order.clone()
    });
    let placed = Event::OrderPlaced {
        order: order.clone(),
        counted: draft.counted.clone(),
    };
    let used = key_used(request, Some(order.id), context.now);
    let events = [placed].into_iter().chain(used).collect();
    Ok(Decision::new(events, Answer::Order(order)))
}

#[cfg(test)]
mod tests;
