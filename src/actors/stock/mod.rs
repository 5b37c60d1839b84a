//! The actors that own stock items: many waiting requests are folded into one conditional write.

mod actor;
mod fold;
#[cfg(test)]
mod tests;

use super::Failure;
use super::directory::{Bounds, Directory};
use super::supervisor::Shards;
use crate::domain::ids::OrderId;
use crate::domain::stock::{Settlement, StockKey, Unreserved};
use crate::sources::Sources;
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

pub(crate) use actor::StockItem;

/// What a stock item is asked.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// How much is available, as memory has it.
    Available,
    /// Hold so many units for an order.
    Reserve(OrderId, u32),
    /// End an order's hold.
    Settle(OrderId, Settlement),
}

/// What a stock item answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    /// So much is available.
    Available(u64),
    /// It is held.
    Held,
    /// It cannot be held.
    Refused(Unreserved),
    /// The hold is settled.
    Settled,
}

/// Finds the actors of stock items. Cheap to clone.
#[derive(Clone)]
pub struct Stocks {
    directory: Directory<StockItem>,
}

impl Stocks {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        sources: Sources,
        shards: Shards,
        bounds: Bounds,
        commit_time: Duration,
    ) -> Self {
        let item = StockItem::new(store, sources, commit_time);
        Self {
            directory: Directory::new(item, shards, bounds),
        }
    }

    /// How many units are available: exact where this node alone writes.
    ///
    /// # Errors
    /// [`Failure::Busy`], [`Failure::Unavailable`].
    pub async fn available(&self, key: StockKey, deadline: Instant) -> Result<u64, Failure> {
        match self
            .directory
            .ask(&key, Request::Available, deadline)
            .await?
        {
            Reply::Available(units) => Ok(units),
            _ => Err(Failure::Internal),
        }
    }

    /// Holds `units` for an order. The inner refusal is final and rests on what the store said
    /// after the request came.
    ///
    /// # Errors
    /// [`Failure`]: the units may be held nevertheless.
    pub async fn reserve(
        &self,
        key: &StockKey,
        order: OrderId,
        units: u32,
        deadline: Instant,
    ) -> Result<Result<(), Unreserved>, Failure> {
        match self
            .directory
            .ask(key, Request::Reserve(order, units), deadline)
            .await?
        {
            Reply::Held => Ok(Ok(())),
            Reply::Refused(reason) => Ok(Err(reason)),
            _ => Err(Failure::Internal),
        }
    }

    /// Ends an order's hold.
    ///
    /// # Errors
    /// [`Failure`]: to be repeated.
    pub(crate) async fn settle(
        &self,
        key: &StockKey,
        order: OrderId,
        settlement: Settlement,
        deadline: Instant,
    ) -> Result<(), Failure> {
        self.directory
            .ask(key, Request::Settle(order, settlement), deadline)
            .await
            .map(|_| ())
    }

    pub(crate) fn directory(&self) -> &Directory<StockItem> {
        &self.directory
    }
}
