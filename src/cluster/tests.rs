//! Several nodes in one process, over one store in memory, under a paused clock: whatever goes wrong
//! follows from a seed, and repeats.

mod scale;
mod simulation;
mod steps;

use super::{
    Answer, Call, Cluster, JoinError, Joining, KeyHash, Membership, Options, Place, Residents,
    Ticket, Timing, Transport, Unanswered,
};
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;
use crate::sources::{BootClock, Clock, Entropy, Sources};
use crate::store::Member;
use crate::store::fault::{Fault, FaultPlan, FaultyStore, Op};
use crate::store::memory::MemoryStore;
use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Time that passes as tokio's does, but a little faster or slower.
struct Drifting {
    since: Instant,
    /// In parts of ten thousand.
    rate: u32,
}

impl BootClock for Drifting {
    fn since_boot(&self) -> Duration {
        self.since.elapsed() * self.rate / 10_000
    }
}

struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000)
    }
}

struct Seeded(Mutex<StdRng>);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill_bytes(bytes);
    }
}

/// Actors that take a while to end.
struct Slow {
    /// In milliseconds.
    ends_after: AtomicU64,
    taken_over: AtomicUsize,
}

impl Default for Slow {
    fn default() -> Self {
        Self {
            ends_after: AtomicU64::new(30),
            taken_over: AtomicUsize::new(0),
        }
    }
}

#[async_trait]
impl Residents for Slow {
    async fn hand_over(&self, _: &(dyn Fn(KeyHash) -> bool + Send + Sync), deadline: Instant) {
        let ends = Instant::now() + Duration::from_millis(self.ends_after.load(Ordering::Relaxed));
        tokio::time::sleep_until(ends.min(deadline)).await;
    }

    fn count(&self) -> (u64, u64) {
        (0, 0)
    }

    fn taken_over(&self) {
        self.taken_over.fetch_add(1, Ordering::Relaxed);
    }
}

/// A network that carries nothing: who owns what is not asked for by it.
struct Silent;

#[async_trait]
impl Transport for Silent {
    async fn call(&self, _: &Member, _: Call) -> Result<Answer, Unanswered> {
        Err(Unanswered::NotSent)
    }
}

type Shared = FaultyStore<MemoryStore>;

fn shared() -> Shared {
    FaultyStore::new(MemoryStore::new(Arc::new(StillClock)), FaultPlan::NONE)
}

struct Node {
    cluster: Cluster,
    membership: Membership,
    store: Shared,
    residents: Arc<Slow>,
}

/// Joins as the node of this number, whose clock is its own.
async fn join(shared: &Shared, number: u64, address: Option<&str>) -> Result<Node, JoinError> {
    join_with(shared, number, address, FaultPlan::NONE).await
}

async fn join_with(
    shared: &Shared,
    number: u64,
    address: Option<&str>,
    plan: FaultPlan,
) -> Result<Node, JoinError> {
    let store = shared.beside(plan);
    let entropy = Arc::new(Seeded(Mutex::new(StdRng::seed_from_u64(number))));
    let sources = Sources {
        clock: Arc::new(StillClock),
        entropy,
    };
    // One second in a hundred: more than any quartz.
    let rate = 9_900 + u32::try_from(number % 3).unwrap() * 100;
    let options = Options {
        store: Arc::new(store.clone()),
        sources,
        clock: Arc::new(Drifting {
            since: Instant::now() - Duration::from_secs(60),
            rate,
        }),
        transport: Arc::new(Silent),
        timing: Timing::default(),
        name: format!("node {number}"),
        address: address.map(str::to_owned),
    };
    let (cluster, joining) = Joining::new(options);
    let residents = Arc::new(Slow::default());
    let membership = joining.join(residents.clone()).await?;
    Ok(Node {
        cluster,
        membership,
        store,
        residents,
    })
}

impl Node {
    /// The right to answer for the key, if the node has it now.
    async fn ticket(&self, key: KeyHash) -> Option<Ticket> {
        match self.cluster.place(key, Instant::now()).await {
            Ok(Place::Here(ticket)) => Some(ticket),
            _ => None,
        }
    }

    /// Whether the node reaches the store.
    fn partition(&self, is_cut: bool) {
        self.store
            .script(move |_| is_cut.then_some(Fault::LostBefore));
    }
}

fn keys(count: u128) -> Vec<KeyHash> {
    let user = |number| KeyHash::user(UserId(Uuid::from_u128(number)));
    (1..=count).map(user).collect()
}

async fn seconds(seconds: f64) {
    sleep(Duration::from_secs_f64(seconds)).await;
}
