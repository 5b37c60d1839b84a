//! Stores: one contract for all of them, and what each promises besides.
#![allow(clippy::unwrap_used, reason = "what tests share may fail as they may")]

mod changes;
mod contract;
mod embedded;
mod encoding;
mod expiry;
mod faults;
mod frozen;
mod samples;
mod scylla;

use cartwright::domain::time::{Millis, Timestamp};
use cartwright::sources::Clock;
use cartwright::store::embedded::{EmbeddedStore, Options};
use cartwright::store::fault::{FaultPlan, FaultyStore};
use cartwright::store::memory::MemoryStore;
use contract::contract_tests;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;

/// A store under test, with what must live as long.
struct Subject<S> {
    store: S,
    clock: Arc<ManualClock>,
    _dir: Option<TempDir>,
}

fn memory() -> Subject<MemoryStore> {
    let clock = Arc::new(ManualClock::default());
    Subject {
        store: MemoryStore::new(clock.clone()),
        clock,
        _dir: None,
    }
}

fn embedded() -> Subject<EmbeddedStore> {
    let clock = Arc::new(ManualClock::default());
    let dir = tempfile::tempdir().unwrap();
    Subject {
        store: EmbeddedStore::open(dir.path(), clock.clone(), Options::default()).unwrap(),
        clock,
        _dir: Some(dir),
    }
}

fn faultless() -> Subject<FaultyStore<MemoryStore>> {
    let Subject { store, clock, _dir } = memory();
    Subject {
        store: FaultyStore::new(store, FaultPlan::NONE),
        clock,
        _dir,
    }
}

contract_tests!(memory_store, super::memory());
contract_tests!(embedded_store, super::embedded());
contract_tests!(faulty_store_without_faults, super::faultless());

/// A clock that stands still until it is moved.
struct ManualClock(AtomicI64);

impl Default for ManualClock {
    fn default() -> Self {
        Self(AtomicI64::new(samples::NOW.0))
    }
}

impl ManualClock {
    fn advance(&self, by: Millis) {
        self.0.fetch_add(by.0, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}
