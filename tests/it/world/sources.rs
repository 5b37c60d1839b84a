//! Time and randomness that tests rule.

use cartwright::domain::time::Timestamp;
use cartwright::sources::{Clock, Entropy};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

/// A clock that stands until it is moved.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    pub fn set_back(&self, length: Duration) {
        self.0.fetch_sub(
            i64::try_from(length.as_millis()).unwrap(),
            Ordering::Relaxed,
        );
    }

    pub fn advance(&self, length: Duration) {
        self.0.fetch_add(
            i64::try_from(length.as_millis()).unwrap(),
            Ordering::Relaxed,
        );
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

/// Randomness that follows from a seed, and panics once where it is told to.
pub struct SeededEntropy {
    random: Mutex<StdRng>,
    panics: AtomicBool,
}

impl SeededEntropy {
    pub fn new(seed: u64) -> Self {
        Self {
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            panics: AtomicBool::new(false),
        }
    }

    /// Makes the next draw, and no other, panic.
    pub fn panic_once(&self) {
        self.panics.store(true, Ordering::Relaxed);
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        assert!(!self.panics.swap(false, Ordering::Relaxed), "told to panic");
        self.random.lock().unwrap().fill_bytes(bytes);
    }
}
