//! A store that counts what it is asked, how long that takes, and what is known of it then. Changes
//! nothing of what the other store does.

mod operation;
mod serve;

use super::{Error, Result, Store};
use crate::metrics::{By, Counter, Histogram, Metrics, Unit, labels};
use operation::Operation;
use std::sync::Arc;
use tokio::time::Instant;

/// What became of a request to the store.
#[derive(Clone, Copy)]
enum Outcome {
    Ok,
    Conflict,
    Unknown,
    Unavailable,
    Corrupt,
}

labels!(Outcome, "outcome",
    Ok => "ok",
    Conflict => "conflict",
    Unknown => "unknown",
    Unavailable => "unavailable",
    Corrupt => "corrupt",
);

impl Outcome {
    fn of<T>(result: &Result<T>) -> Self {
        match result {
            Ok(_) => Self::Ok,
            Err(Error::Conflict) => Self::Conflict,
            Err(Error::Unknown(_)) => Self::Unknown,
            Err(Error::Unavailable(_)) => Self::Unavailable,
            Err(Error::Corrupt(_)) => Self::Corrupt,
        }
    }
}

/// A store around another one, whose requests it counts.
pub struct MeteredStore {
    store: Arc<dyn Store>,
    requests: By<(Operation, Outcome), Counter>,
    times: By<Operation, Histogram>,
}

impl MeteredStore {
    /// Counts what `store` is asked, and shows it.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, metrics: &Metrics) -> Self {
        let metered = Self {
            store,
            requests: By::default(),
            times: By::each(|_| Histogram::of_times()),
        };
        metrics.register(
            "cartwright_store_requests",
            "Requests to the store, by what is known of them afterwards",
            metered.requests.clone(),
        );
        metrics.register_in(
            Unit::Seconds,
            "cartwright_store_request_duration",
            "How long the store took",
            metered.times.clone(),
        );
        metered
    }

    async fn watch<T>(
        &self,
        operation: Operation,
        request: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let begun = Instant::now();
        let result = request.await;
        self.times.of(operation).took(begun.elapsed());
        self.requests.of((operation, Outcome::of(&result))).inc();
        result
    }
}
