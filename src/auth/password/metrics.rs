//! What is counted of password hashes.

use super::Hasher;
use crate::metrics::{Counter, Histogram, Metrics, Reading, Unit};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Of hashes that are computed.
pub(super) struct HashMetrics {
    pub(super) refused: Counter,
    /// How long a hash waited for a worker.
    pub(super) wait: Histogram,
    /// How long computing it took then.
    pub(super) time: Histogram,
}

impl Default for HashMetrics {
    fn default() -> Self {
        Self {
            refused: Counter::default(),
            wait: Histogram::of_times(),
            time: Histogram::of_times(),
        }
    }
}

impl Hasher {
    /// Shows what is counted.
    pub fn report_to(&self, metrics: &Metrics) {
        let counted = &self.metrics;
        metrics.register(
            "cartwright_password_hashes_pending",
            "Password hashes that are computed or wait for it",
            taken(&self.places, self.most),
        );
        metrics.register(
            "cartwright_password_hashes_refused",
            "Password hashes that were not begun, as too many waited",
            counted.refused.clone(),
        );
        metrics.register_in(
            Unit::Seconds,
            "cartwright_password_hash_wait",
            "How long a password hash waited for a worker",
            counted.wait.clone(),
        );
        metrics.register_in(
            Unit::Seconds,
            "cartwright_password_hash_duration",
            "How long computing a password hash took",
            counted.time.clone(),
        );
    }
}

/// How many of so many permits are taken.
fn taken(permits: &Arc<Semaphore>, most: usize) -> Reading {
    let permits = Arc::clone(permits);
    Reading::number(move || most.saturating_sub(permits.available_permits()))
}
