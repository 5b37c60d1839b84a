//! Orders: drafted from the cart, reserved by the actor, then decided once more.

use super::{Context, Decision};
use crate::domain::account::Account;
use crate::domain::cart::Cart;
use crate::domain::ids::PromotionCode;
use crate::domain::order::Order;
use crate::domain::stock::StockKey;
use crate::domain::user::{Checkout, Rejection, Request, State};

/// An order in the making, priced, with everything that has to be held for it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The order; its number in the user's count is given when it is decided.
    pub order: Order,
    /// Every item with the units that it takes, each item once.
    pub demand: Vec<(StockKey, u32)>,
    /// The codes whose uses are counted per user.
    pub counted: Vec<PromotionCode>,
}

pub(super) fn draft(
    _cart: &Cart,
    _account: &Account,
    _checkout: &Checkout,
    _context: &Context<'_>,
) -> Result<Draft, Rejection> {
    Err(Rejection::CartEmpty)
}

/// Decides a drafted order whose demand is held.
///
/// # Errors
/// [`Rejection::CartChanged`] where an ordered line is no longer in the cart as it was.
pub fn finish(
    _state: &State,
    _request: &Request,
    _draft: &Draft,
    _context: &Context<'_>,
) -> Result<Decision, Rejection> {
    Err(Rejection::CartEmpty)
}
