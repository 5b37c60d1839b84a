//! How often the servers are asked, counted by the driver as it sends: whatever goes out by a
//! statement or a batch of ours counts, repetitions and further pages too.

use super::ScyllaStore;
use scylla::errors::{RequestAttemptError, RequestError};
use scylla::observability::history::{AttemptId, HistoryListener, RequestId, SpeculativeId};
use scylla::policies::retry::RetryDecision;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Requests to the servers, by what they cost there. A batch is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Writes with a condition.
    pub conditional_writes: u64,
    /// Reads of what conditional writes change.
    pub serial_reads: u64,
    /// Reads of what no condition guards.
    pub reads: u64,
    /// Writes without a condition.
    pub writes: u64,
}

impl Counts {
    /// What came after `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            conditional_writes: self.conditional_writes - earlier.conditional_writes,
            serial_reads: self.serial_reads - earlier.serial_reads,
            reads: self.reads - earlier.reads,
            writes: self.writes - earlier.writes,
        }
    }
}

impl ScyllaStore {
    /// What has been sent since it connected, but for the look each second whether anybody answers.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.statements.counters.read()
    }
}

/// One counter for each figure of [`Counts`].
#[derive(Default)]
pub(super) struct Counters {
    pub(super) conditional_writes: Arc<Counter>,
    pub(super) serial_reads: Arc<Counter>,
    pub(super) reads: Arc<Counter>,
    pub(super) writes: Arc<Counter>,
}

impl Counters {
    /// The figures as they are now.
    pub(super) fn read(&self) -> Counts {
        Counts {
            conditional_writes: self.conditional_writes.read(),
            serial_reads: self.serial_reads.read(),
            reads: self.reads.read(),
            writes: self.writes.read(),
        }
    }
}

/// Counts what the driver sends by the statements that it listens to.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Nothing is told apart, so every id is the same.
impl HistoryListener for Counter {
    fn log_request_start(&self) -> RequestId {
        RequestId(0)
    }

    fn log_request_success(&self, _: RequestId) {}

    fn log_request_error(&self, _: RequestId, _: &RequestError) {}

    fn log_new_speculative_fiber(&self, _: RequestId) -> SpeculativeId {
        SpeculativeId(0)
    }

    fn log_attempt_start(
        &self,
        _: RequestId,
        _: Option<SpeculativeId>,
        _: SocketAddr,
    ) -> AttemptId {
        self.0.fetch_add(1, Ordering::Relaxed);
        AttemptId(0)
    }

    fn log_attempt_success(&self, _: AttemptId) {}

    fn log_attempt_error(&self, _: AttemptId, _: &RequestAttemptError, _: &RetryDecision) {}
}
