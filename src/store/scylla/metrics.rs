//! What the driver counts, as it is shown.

use super::{Counts, ScyllaStore};
use crate::metrics::{By, Metrics, Reading, Tally, labels};
use scylla::observability::metrics::Metrics as Driver;
use std::sync::Arc;

/// What a request costs the servers.
#[derive(Clone, Copy)]
enum Cost {
    ConditionalWrite,
    SerialRead,
    Write,
    Read,
}

labels!(Cost, "cost",
    ConditionalWrite => "conditional_write",
    SerialRead => "serial_read",
    Write => "write",
    Read => "read",
);

impl Cost {
    fn of(self, counts: &Counts) -> u64 {
        match self {
            Self::ConditionalWrite => counts.conditional_writes,
            Self::SerialRead => counts.serial_reads,
            Self::Write => counts.writes,
            Self::Read => counts.reads,
        }
    }
}

impl ScyllaStore {
    /// Shows what the driver has counted.
    pub fn report_to(&self, metrics: &Metrics) {
        let statements = &self.statements;
        metrics.register(
            "cartwright_cql_requests",
            "Requests to the servers, by what they cost there; repetitions and further pages count",
            By::<Cost, Tally>::each(|cost| {
                let statements = Arc::clone(statements);
                Tally::number(move || cost.of(&statements.counters.read()))
            }),
        );
        metrics.register(
            "cartwright_cql_retries",
            "Requests that the driver sent again",
            self.tally(Driver::get_retries_num),
        );
        metrics.register(
            "cartwright_cql_request_timeouts",
            "Requests that were not answered in time",
            self.tally(Driver::get_request_timeouts),
        );
        metrics.register(
            "cartwright_cql_connection_timeouts",
            "Connections that were not made in time",
            self.tally(Driver::get_connection_timeouts),
        );
        let driver = self.session.get_metrics();
        metrics.register(
            "cartwright_cql_connections",
            "Open connections to the servers",
            Reading::number(move || {
                usize::try_from(driver.get_total_connections()).unwrap_or(usize::MAX)
            }),
        );
    }

    fn tally(&self, read: fn(&Driver) -> u64) -> Tally {
        let driver = self.session.get_metrics();
        Tally::number(move || read(&driver))
    }
}
