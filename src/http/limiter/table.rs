//! The counts of one class: one per client, so many clients and no more.
//!
//! Who finds the table full is counted together with others that did, by hash, until the next
//! sweep has made room; who is in the table keeps the count of its own. So memory stays what it
//! is, however many addresses an attacker has, and a newcomer shares with few.

use crate::config::{Period, Rate};
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;

/// How many counts those share who find a table full.
const SHARED: usize = 1024;

/// The counts of one class.
pub(super) struct Table<K: Hash + Eq + Clone>(
    RateLimiter<K, Counts<K>, Uptime, NoOpMiddleware<Nanos>>,
);

impl<K: Hash + Eq + Clone> Table<K> {
    /// A table of at most `most` clients, called `name` in the log.
    pub(super) fn new(name: &'static str, rate: Rate, most: usize) -> Self {
        let quota = match rate.period {
            Period::Second => Quota::per_second(rate.count),
            Period::Minute => Quota::per_minute(rate.count),
            Period::Hour => Quota::per_hour(rate.count),
        };
        let counts = Counts {
            name,
            own: DashMap::new(),
            places: AtomicUsize::new(most),
            shared: (0..SHARED).map(|_| InMemoryState::default()).collect(),
            turned_away: AtomicU64::new(0),
        };
        Self(RateLimiter::new(
            quota.allow_burst(rate.burst),
            counts,
            Uptime(Instant::now()),
        ))
    }

    /// Counts a request of `key`.
    ///
    /// # Errors
    /// It is one too many: how long until the next would not be, if none comes in between.
    pub(super) fn count(&self, key: &K) -> Result<(), Duration> {
        let now = self.0.clock().now();
        let counted = self.0.check_key(key);
        counted.map_err(|until| until.wait_time_from(now))
    }

    /// Forgets those whose counts are what a newcomer's would be.
    pub(super) fn sweep(&self) {
        self.0.retain_recent();
    }

    /// How many clients have a count of their own.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The time since the table was made, by the runtime's clock.
struct Uptime(Instant);

impl Clock for Uptime {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

struct Counts<K: Hash + Eq> {
    name: &'static str,
    own: DashMap<K, InMemoryState>,
    /// How many more clients may have a count of their own.
    places: AtomicUsize,
    shared: Box<[InMemoryState]>,
    /// Requests since the last sweep that were counted together with others.
    turned_away: AtomicU64,
}

impl<K: Hash + Eq> Counts<K> {
    fn take_place(&self) -> bool {
        let taken = self
            .places
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        taken.is_ok()
    }

    /// Whose count it is only chance can tell: the map's hash is keyed at random.
    fn shared(&self, key: &K) -> &InMemoryState {
        let hash = usize::try_from(self.own.hasher().hash_one(key) % SHARED as u64);
        &self.shared[hash.unwrap_or(0)]
    }
}

impl<K: Hash + Eq + Clone> StateStore for Counts<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if let Some(count) = self.own.get(key) {
            return count.measure_and_replace(&NotKeyed::NonKey, f);
        }
        if !self.take_place() {
            self.turned_away.fetch_add(1, Relaxed);
            return self.shared(key).measure_and_replace(&NotKeyed::NonKey, f);
        }
        match self.own.entry(key.clone()) {
            Entry::Vacant(place) => place
                .insert(InMemoryState::default())
                .measure_and_replace(&NotKeyed::NonKey, f),
            Entry::Occupied(count) => {
                self.places.fetch_add(1, Relaxed);
                count.get().measure_and_replace(&NotKeyed::NonKey, f)
            }
        }
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Counts<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        let turned_away = self.turned_away.swap(0, Relaxed);
        if turned_away > 0 {
            let class = self.name;
            tracing::warn!(class, requests = turned_away, "http.limiter.full");
        }
        let mut freed = 0;
        self.own.retain(|_, count| {
            // A refusal changes nothing and tells the count.
            let told = count.measure_and_replace(&NotKeyed::NonKey, Err::<((), Nanos), _>);
            let keep = matches!(told, Err(Some(count)) if count > drop_below);
            freed += usize::from(!keep);
            keep
        });
        self.places.fetch_add(freed, Relaxed);
    }

    fn len(&self) -> usize {
        self.own.len()
    }

    fn is_empty(&self) -> bool {
        self.own.is_empty()
    }
}
