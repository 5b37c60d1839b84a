//! The actors that own stock items: many waiting requests are folded into one conditional write.

mod actor;
mod figures;
mod fold;
#[cfg(test)]
mod tests;

use super::Failure;
use super::directory::{Bounds, Directory};
use super::metrics::KindMetrics;
use super::placed::Placed;
use super::supervisor::Shards;
use crate::cluster::Cluster;
use crate::domain::ids::OrderId;
use crate::domain::stock::{Settlement, StockKey, Unreserved};
use crate::sources::Sources;
use crate::store::Store;
use figures::Figures;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

pub(crate) use actor::StockItem;

/// What a stock item is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    /// How much is available, as memory has it.
    Available,
    /// Hold so many units for an order.
    Reserve(OrderId, u32),
    /// End an order's hold.
    Settle(OrderId, Settlement),
}

/// What a stock item answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// What is available.
    Available {
        /// So much.
        units: u64,
        /// How long ago the store had it so, at the most.
        age: Duration,
    },
    /// It is held.
    Held,
    /// It cannot be held.
    Refused(Unreserved),
    /// The hold is settled.
    Settled,
}

/// Finds the actors of stock items, at whatever node. Cheap to clone.
#[derive(Clone)]
pub struct Stocks {
    placed: Placed<StockItem>,
    figures: Figures,
}

impl Stocks {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        sources: Sources,
        shards: Shards,
        bounds: Bounds,
        commit_time: Duration,
        cluster: Cluster,
        metrics: Arc<KindMetrics>,
    ) -> Self {
        let figures = Figures::new();
        let item = StockItem::new(
            store,
            sources,
            commit_time,
            figures.clone(),
            metrics.clone(),
        );
        let directory = Directory::new(item, shards, bounds, metrics);
        Self {
            placed: Placed::new(directory, cluster).lingering(),
            figures,
        }
    }

    /// How many units are available, where memory knows: as [`Self::available`], without waiting.
    pub(crate) fn known(&self, key: &StockKey) -> Option<u64> {
        self.figures.recent(key)
    }

    /// How many units are available: exact where this node alone writes, else of at most 2 s ago.
    ///
    /// # Errors
    /// [`Failure::Busy`], [`Failure::Unavailable`].
    pub async fn available(&self, key: StockKey, deadline: Instant) -> Result<u64, Failure> {
        if let Some(units) = self.known(&key) {
            return Ok(units);
        }
        let asked = Instant::now();
        match self.placed.ask(&key, Request::Available, deadline).await? {
            Reply::Available { units, age } => {
                // An item here keeps its figure itself, and may have kept a later one by now.
                if !self.placed.is_here(&key)
                    && let Some(as_of) = asked.checked_sub(age)
                {
                    self.figures.keep(key, units, as_of);
                }
                Ok(units)
            }
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
        let reserve = Request::Reserve(order, units);
        match self.placed.ask(key, reserve, deadline).await? {
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
        let settle = Request::Settle(order, settlement);
        self.placed.ask(key, settle, deadline).await.map(|_| ())
    }

    pub(crate) fn placed(&self) -> &Placed<StockItem> {
        &self.placed
    }
}
