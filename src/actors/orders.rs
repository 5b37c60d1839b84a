//! Orders read beside the actors: what was acknowledged is durable, so the store is current.

use super::Failure;
use super::user::{AccountView, Users};
use crate::domain::ids::{OrderId, UserId};
use crate::domain::order::Order;
use crate::domain::user::{Command, Request};
use crate::store::Store;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// Reads orders. Cheap to clone.
#[derive(Clone)]
pub struct Orders {
    users: Users,
    store: Arc<dyn Store>,
}

/// A page of a user's orders.
pub struct OrderPage {
    /// Newest first.
    pub orders: Vec<Order>,
    /// How many orders the user has.
    pub total: u64,
}

impl Orders {
    pub(crate) fn new(users: Users, store: Arc<dyn Store>) -> Self {
        Self { users, store }
    }

    /// At most `limit` of the user's orders, newest first, after the `offset` newest.
    ///
    /// # Errors
    /// [`Failure`]; `Rejected(Unauthenticated)` where the token's epoch is over.
    pub async fn page(
        &self,
        user: UserId,
        epoch: u32,
        offset: u64,
        limit: u32,
        deadline: Instant,
    ) -> Result<OrderPage, Failure> {
        let total = self.admit(user, epoch, deadline).await?.order_seq;
        let from = total.saturating_sub(offset);
        if from == 0 {
            return Ok(OrderPage {
                orders: Vec::new(),
                total,
            });
        }
        let orders = in_time(deadline, self.store.orders(user, from, limit)).await?;
        Ok(OrderPage { orders, total })
    }

    /// An order of whoever has it; `None` where there is none. Whether the reader may see it is
    /// the caller's to judge by `user_id`.
    ///
    /// # Errors
    /// As for [`Self::page`].
    pub async fn order(
        &self,
        reader: UserId,
        epoch: u32,
        order: OrderId,
        deadline: Instant,
    ) -> Result<Option<Order>, Failure> {
        self.admit(reader, epoch, deadline).await?;
        let own = in_time(deadline, self.store.order(reader, order)).await?;
        if own.is_some() {
            return Ok(own);
        }
        // The pointer is written before the order is: it may be of one that never came to be.
        match in_time(deadline, self.store.order_owner(order)).await? {
            Some(owner) => in_time(deadline, self.store.order(owner, order)).await,
            None => Ok(None),
        }
    }

    /// Has the reader's actor judge the token.
    async fn admit(
        &self,
        user: UserId,
        epoch: u32,
        deadline: Instant,
    ) -> Result<AccountView, Failure> {
        let view = Request::of(Command::ViewAccount, epoch);
        self.users.ask(user, view, deadline).await?.into_account()
    }
}

/// What a read finds, where it finds it before the deadline.
pub(super) async fn in_time<T>(
    deadline: Instant,
    read: impl Future<Output = crate::store::Result<T>>,
) -> Result<T, Failure> {
    let read = timeout_at(deadline, read)
        .await
        .map_err(|_| Failure::Unavailable)?;
    read.map_err(Failure::from_store)
}
