//! What is counted of the catalogue.

use super::Live;
use crate::metrics::{Counter, Metrics, Reading, Unit};
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// Of one catalogue.
pub(super) struct LiveMetrics {
    /// Views that took in what the log told.
    changed: Counter,
    /// Views for which everything was read.
    loaded: Counter,
    failed: Counter,
    /// When everything that was logged then was known last.
    current: Mutex<Instant>,
}

impl LiveMetrics {
    /// Of a catalogue that was read whole, from `begun` on.
    pub(super) fn since(begun: Instant) -> Self {
        let loaded = Counter::default();
        loaded.inc();
        Self {
            changed: Counter::default(),
            loaded,
            failed: Counter::default(),
            current: Mutex::new(begun),
        }
    }

    pub(super) fn changed(&self) {
        self.changed.inc();
    }

    pub(super) fn loaded(&self) {
        self.loaded.inc();
    }

    /// Following the log, which began then, came to this.
    pub(super) fn followed<T, E>(&self, begun: Instant, outcome: &Result<T, E>) {
        match outcome {
            Ok(_) => *self.current.lock().unwrap_or_else(PoisonError::into_inner) = begun,
            Err(_) => drop(self.failed.inc()),
        }
    }

    fn age(&self) -> f64 {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.elapsed().as_secs_f64()
    }
}

impl Live {
    /// Shows what is counted, and what is there.
    pub fn report_to(&self, metrics: &Metrics) {
        let counted = &self.0.metrics;
        metrics.register(
            "cartwright_catalog_products",
            "Products that are for sale",
            self.number(|live| live.current().snapshot.listing().total()),
        );
        metrics.register(
            "cartwright_catalog_position",
            "The position in the log of changes up to which the catalogue has them",
            self.number(|live| usize::try_from(live.current().position).unwrap_or(usize::MAX)),
        );
        metrics.register(
            "cartwright_catalog_changes",
            "Views of the catalogue that took in what the log told",
            counted.changed.clone(),
        );
        metrics.register(
            "cartwright_catalog_loads",
            "Views of the catalogue for which all of it was read, the first among them",
            counted.loaded.clone(),
        );
        metrics.register(
            "cartwright_catalog_follow_failures",
            "Vain tries to follow the log of changes",
            counted.failed.clone(),
        );
        let inner = self.0.clone();
        metrics.register_in(
            Unit::Seconds,
            "cartwright_catalog_age",
            "How long ago the catalogue was known to have all that was logged",
            Reading::new(move || inner.metrics.age()),
        );
    }

    fn number(&self, read: fn(&Self) -> usize) -> Reading {
        let live = Self(self.0.clone());
        Reading::number(move || read(&live))
    }
}
