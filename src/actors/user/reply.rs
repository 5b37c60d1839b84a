//! What a user's actor answers: views of its state, taken when the request was decided and given
//! once that is durable.

use crate::actors::Failure;
use crate::domain::account::{Account, Profile};
use crate::domain::cart::Cart;
use crate::domain::ids::{OrderId, RoleId, UserId};
use crate::domain::order::{Order, Quote};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// What was asked for.
    pub body: Body,
    /// Whether it repeats the answer to an idempotency key that took effect before.
    pub replayed: bool,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// It is done.
    Done,
    /// The account.
    Account(AccountView),
    /// The cart.
    Cart(CartView),
    /// What an order would come to.
    Quote(Box<Quote>),
    /// The order that was placed.
    Order(Arc<Order>),
    /// An order that was placed before; `Users::ask` reads it.
    PastOrder(OrderId),
}

/// An account, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// Whose.
    pub id: UserId,
    /// Who.
    pub profile: Profile,
    /// Whether the user may log in.
    pub active: bool,
    /// Last changed.
    pub updated_at: Timestamp,
    /// The roles.
    pub roles: BTreeSet<RoleId>,
    /// The epoch that access tokens must carry.
    pub epoch: u32,
    /// The number of the user's latest order: how many there are.
    pub order_seq: u64,
}

/// A cart as it is stored. Names and prices of what is still sold come from the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartView {
    /// Whose.
    pub user_id: UserId,
    /// The cart.
    pub cart: Arc<Cart>,
    /// The account's creation: the cart's times before its first change.
    pub account_created_at: Timestamp,
}

impl AccountView {
    pub(super) fn of(account: &Account) -> Self {
        Self {
            id: account.id,
            profile: account.profile.clone(),
            active: account.active,
            updated_at: account.updated_at,
            roles: account.roles.clone(),
            epoch: account.epoch,
            order_seq: account.order_seq,
        }
    }
}

impl Reply {
    /// The account.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the answer is something else.
    pub fn into_account(self) -> Result<AccountView, Failure> {
        match self.body {
            Body::Account(account) => Ok(account),
            _ => Err(Failure::Internal),
        }
    }

    /// The cart.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the answer is something else.
    pub fn into_cart(self) -> Result<CartView, Failure> {
        match self.body {
            Body::Cart(cart) => Ok(cart),
            _ => Err(Failure::Internal),
        }
    }

    /// The quote.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the answer is something else.
    pub fn into_quote(self) -> Result<Box<Quote>, Failure> {
        match self.body {
            Body::Quote(quote) => Ok(quote),
            _ => Err(Failure::Internal),
        }
    }

    /// The order.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the answer is something else.
    pub fn into_order(self) -> Result<Arc<Order>, Failure> {
        match self.body {
            Body::Order(order) => Ok(order),
            _ => Err(Failure::Internal),
        }
    }
}
