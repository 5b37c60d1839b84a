//! What is counted of orders in the making, and of their recovery.

use crate::metrics::{By, Counter, Gauge, Metrics, labels};

/// How an attempt at an order ended.
#[derive(Clone, Copy)]
pub(crate) enum Ended {
    /// With an order.
    Placed,
    /// Too few units of something.
    OutOfStock,
    /// Refused for another reason, once its stock was held.
    Rejected,
    /// What it rested on has changed: another attempt follows.
    Superseded,
    /// It could not be done, or not in time.
    Failed,
    /// Nobody can tell whether there is an order: left to recovery, which can.
    Undecided,
}

labels!(Ended, "outcome",
    Placed => "placed",
    OutOfStock => "out_of_stock",
    Rejected => "rejected",
    Superseded => "superseded",
    Failed => "failed",
    Undecided => "undecided",
);

/// What recovery did with an attempt that nobody had ended.
#[derive(Clone, Copy)]
pub(crate) enum Recovered {
    /// The order was there: its holds are sold.
    Sold,
    /// It was not, and never will be: they are released.
    Released,
    /// To be tried again.
    Failed,
}

labels!(Recovered, "outcome",
    Sold => "sold",
    Released => "released",
    Failed => "failed",
);

/// Of checkouts at this node.
#[derive(Default)]
pub(crate) struct CheckoutMetrics {
    attempts: By<Ended, Counter>,
    recovered: By<Recovered, Counter>,
    /// Settlements that were given up, and left to recovery.
    pub(crate) unsettled: Counter,
    /// Attempts that the latest run of recovery should have ended and did not.
    pub(crate) left: Gauge,
    /// Runs of recovery that could not read what there is.
    pub(crate) failed_runs: Counter,
}

impl CheckoutMetrics {
    /// An attempt has ended.
    pub(crate) fn ended(&self, how: Ended) {
        self.attempts.of(how).inc();
    }

    /// Recovery found an attempt, and this came of it.
    pub(crate) fn recovered(&self, how: Recovered) {
        self.recovered.of(how).inc();
    }

    pub(super) fn register(&self, metrics: &Metrics) {
        metrics.register(
            "cartwright_checkout_attempts",
            "Attempts at orders that ended, by how",
            self.attempts.clone(),
        );
        metrics.register(
            "cartwright_checkout_unsettled",
            "Ended attempts whose stock could not be settled and was left to recovery",
            self.unsettled.clone(),
        );
        metrics.register(
            "cartwright_recovery_attempts",
            "Attempts that recovery found, by what became of them",
            self.recovered.clone(),
        );
        metrics.register(
            "cartwright_recovery_attempts_left",
            "Attempts that the latest run of recovery should have ended and did not",
            self.left.clone(),
        );
        metrics.register(
            "cartwright_recovery_failed_runs",
            "Runs of recovery that could not read what there is",
            self.failed_runs.clone(),
        );
    }
}
