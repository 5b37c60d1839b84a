//! How much of each item is available, as its actor here last had it, or told it from another node.
//! It decides nothing but whether something may be added to a cart; orders ask the item itself.

use crate::domain::stock::StockKey;
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a figure is told from memory.
pub(super) const FIGURE_LIFE: Duration = Duration::from_secs(2);
/// How many figures are kept.
const MOST: usize = 16_384;

/// Figures of items, here and at other nodes. Cheap to clone.
#[derive(Clone)]
pub(super) struct Figures(Arc<Cache<StockKey, Figure>>);

#[derive(Clone, Copy)]
struct Figure {
    units: u64,
    /// It is too old after this.
    until: Instant,
}

impl Figures {
    pub(super) fn new() -> Self {
        Self(Arc::new(Cache::new(MOST)))
    }

    /// What is available of the item, if that is known and not of too long ago.
    pub(super) fn recent(&self, key: &StockKey) -> Option<u64> {
        let figure = self.0.get(key)?;
        (Instant::now() <= figure.until).then_some(figure.units)
    }

    /// Keeps what the store had at `as_of` at the earliest.
    pub(super) fn keep(&self, key: StockKey, units: u64, as_of: Instant) {
        let until = as_of + FIGURE_LIFE;
        self.0.insert(key, Figure { units, until });
    }

    /// Whoever wants to know asks the item.
    pub(super) fn forget(&self, key: &StockKey) {
        self.0.remove(key);
    }
}
