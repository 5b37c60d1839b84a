//! Orders read beside the actors: what was acknowledged is durable, so the store is current.

use super::Failure;
use super::user::Users;
use crate::domain::ids::{OrderId, UserId};
use crate::domain::order::Order;
use tokio::time::Instant;

/// Reads orders. Cheap to clone.
#[derive(Clone)]
pub struct Orders {
    users: Users,
}

/// A page of a user's orders.
pub struct OrderPage {
    /// Newest first.
    pub orders: Vec<Order>,
    /// How many orders the user has.
    pub total: u64,
}

impl Orders {
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
        let _ = (user, epoch, offset, limit, deadline, &self.users);
        Err(Failure::Unavailable)
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
        let _ = (reader, epoch, order, deadline);
        Err(Failure::Unavailable)
    }
}
