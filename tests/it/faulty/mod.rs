//! The tests of the API over stores that fail: with `CARTWRIGHT_TEST_FAULTS=7`, of a hundred reads
//! and writes of each test's store five go wrong, in every way that the store's traits permit, and
//! [`patient`] repeats what is therefore answered with 503. What the tests assert stays the same.
//!
//! Which faults a store draws follows from the number, and from the name of its test. Which
//! operation meets which follows from the time as well.

pub mod patient;

use cartwright::store::Store;
use cartwright::store::fault::{Fault, FaultPlan, FaultyStore, Op};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Of a hundred operations so many go wrong.
const PERCENT: u32 = 5;
/// The longest that one is late, or slow.
const LONGEST_DELAY: Duration = Duration::from_millis(50);

/// What the faults follow from, if there are to be any.
pub fn seed() -> Option<u64> {
    let seed = std::env::var("CARTWRIGHT_TEST_FAULTS").ok()?;
    Some(seed.parse().expect("CARTWRIGHT_TEST_FAULTS is a number"))
}

/// Has the faults begin and end, and counts them.
#[derive(Clone, Default)]
pub struct Switch(Arc<Shared>);

#[derive(Default)]
struct Shared {
    is_on: AtomicBool,
    drawn: AtomicU64,
}

impl Switch {
    pub fn set(&self, faults: bool) {
        self.0.is_on.store(faults, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn faults(&self) -> u64 {
        self.0.drawn.load(Ordering::Relaxed)
    }
}

/// The store, and the same with faults while the switch is on.
pub fn stores(store: impl Store + 'static, seed: u64) -> (Arc<dyn Store>, Arc<dyn Store>, Switch) {
    let sound = FaultyStore::new(store, FaultPlan::NONE);
    let faulty = sound.beside(FaultPlan::NONE);
    let (mut random, switch) = (random(seed), Switch::default());
    let shared = switch.0.clone();
    faulty.script(move |op| {
        let fault = draw(&mut random, LONGEST_DELAY);
        let fault = fault.filter(|_| shared.is_on.load(Ordering::Relaxed))?;
        shared.drawn.fetch_add(1, Ordering::Relaxed);
        // Shown where the test fails.
        println!("{fault:?}: {}", name(op));
        Some(fault)
    });
    (Arc::new(sound), Arc::new(faulty), switch)
}

fn name(op: &Op<'_>) -> String {
    match op {
        Op::Commit(commit) => format!("commit of {:?}", commit.change.partition()),
        Op::PutCatalog(rows) => format!("put {} rows of the catalogue", rows.len()),
        Op::PutAttempt(attempt) => format!("put the attempt {}", attempt.order_id),
        op => format!("{op:?}"),
    }
}

/// What goes wrong with an operation. A late write is applied after its repetition.
pub fn draw(random: &mut StdRng, longest: Duration) -> Option<Fault> {
    let delay = longest.mul_f64(random.random_range(0.0..1.0));
    let kind = random.random_range(0..5);
    (random.random_range(0..100) < PERCENT).then_some(match kind {
        0 => Fault::Refused,
        1 => Fault::LostBefore,
        2 => Fault::LostAfter,
        3 => Fault::Late(delay),
        _ => Fault::Slow(delay),
    })
}

/// Of the next store of the test that runs on this thread.
fn random(seed: u64) -> StdRng {
    static STORES: AtomicU64 = AtomicU64::new(0);
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    // Run alone, a test draws what it drew among the others, unless it has several stores.
    let number = match test.as_str() {
        "main" | "" => STORES.fetch_add(1, Ordering::Relaxed),
        _ => 0,
    };
    let hash = Sha256::new()
        .chain_update(seed.to_be_bytes())
        .chain_update(number.to_be_bytes())
        .chain_update(test);
    StdRng::from_seed(hash.finalize().into())
}
