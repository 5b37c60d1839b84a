//! What is counted of transactions.

use super::EmbeddedStore;
use crate::metrics::{Histogram, Metrics, Unit};
use std::time::Duration;

/// Of transactions that were made durable.
pub(super) struct Folds {
    writes: Histogram,
    time: Histogram,
    durable: Histogram,
}

impl Default for Folds {
    fn default() -> Self {
        Self {
            writes: Histogram::of_sizes(),
            time: Histogram::of_times(),
            durable: Histogram::of_times(),
        }
    }
}

impl Folds {
    /// A transaction of so many writes took so long.
    pub(super) fn folded(&self, writes: usize, took: Duration) {
        self.writes.held(writes);
        self.time.took(took);
    }

    /// To commit the database durably, and not the journal, took so long.
    pub(super) fn made_durable(&self, took: Duration) {
        self.durable.took(took);
    }
}

impl EmbeddedStore {
    /// Shows what is counted.
    pub fn report_to(&self, metrics: &Metrics) {
        let folds = &self.shared.folds;
        metrics.register(
            "cartwright_embedded_transaction_writes",
            "How many writes one durable transaction carried",
            folds.writes.clone(),
        );
        metrics.register_in(
            Unit::Seconds,
            "cartwright_embedded_transaction_duration",
            "How long durable transactions took",
            folds.time.clone(),
        );
        metrics.register_in(
            Unit::Seconds,
            "cartwright_embedded_checkpoint_duration",
            "How long it took to commit the database itself: at first, when its journal was full, at the end",
            folds.durable.clone(),
        );
    }
}
