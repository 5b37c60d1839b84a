//! Stock items over a store that fails as it is told.

use super::*;
use crate::actors::supervisor::Supervision;
use crate::domain::ids::Sku;
use crate::domain::stock::{HoldState, StockLevel};
use crate::domain::time::Timestamp;
use crate::sources::{Clock, SystemEntropy};
use crate::store::fault::{Fault, FaultPlan, FaultyStore, Op};
use crate::store::memory::MemoryStore;
use crate::store::{Change, Commit, Commits as _, StockWrite, Stocks as _, WriteId};
use futures::future::{join, join_all};
use std::sync::atomic::{AtomicUsize, Ordering};
use uuid::Uuid;

struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_000)
    }
}

type TestStore = FaultyStore<MemoryStore>;

fn store() -> TestStore {
    FaultyStore::new(MemoryStore::new(Arc::new(StillClock)), FaultPlan::NONE)
}

/// A node's stock items over `store`.
async fn stocks(store: &TestStore) -> Stocks {
    let (_, [shards]) = Supervision::start::<1>().await.unwrap();
    let sources = Sources {
        clock: Arc::new(StillClock),
        entropy: Arc::new(SystemEntropy),
    };
    let bounds = Bounds {
        waiting: 10_000,
        residents: 100,
    };
    let time = Duration::from_secs(5);
    let (store, alone) = (Arc::new(store.clone()), Cluster::alone());
    Stocks::new(store, sources, shards, bounds, time, alone, Arc::default())
}

fn item() -> StockKey {
    StockKey::Sku(Sku::parse("mug").unwrap())
}

fn order(number: u128) -> OrderId {
    OrderId(Uuid::from_u128(number))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

/// Sets what was received, as an import does.
async fn receive(store: &TestStore, units: u64) {
    let mut level = store.inner().stock(item()).await.unwrap();
    level.value.receive(units).unwrap();
    let write = StockWrite {
        level: level.value,
        holds: Vec::new(),
        at: Timestamp(0),
    };
    let commit = Commit {
        expected: level.version,
        write: WriteId(Uuid::from_u128(units.into())),
        change: Change::Stock(item(), write),
    };
    store.inner().commit(commit).await.unwrap();
}

async fn level(store: &TestStore) -> StockLevel {
    let level = store.inner().stock(item()).await.unwrap().value;
    assert!(level.adds_up(), "{level:?}");
    level
}

async fn state(store: &TestStore, number: u128) -> Option<HoldState> {
    let holds = store.inner().holds(item(), vec![order(number)]).await;
    holds.unwrap()[0].map(|hold| hold.state)
}

async fn reserve(stocks: &Stocks, number: u128, units: u32) -> Result<(), Unreserved> {
    let reserved = stocks.reserve(&item(), order(number), units, soon()).await;
    reserved.unwrap()
}

async fn settle(stocks: &Stocks, number: u128, settlement: Settlement) {
    let (key, order) = (item(), order(number));
    let settled = stocks.settle(&key, order, settlement, soon()).await;
    settled.unwrap();
}

/// Every commit takes some time, and is counted.
fn count_commits(store: &TestStore) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    store.script(move |op| {
        let is_commit = matches!(op, Op::Commit(_));
        counter.fetch_add(usize::from(is_commit), Ordering::Relaxed);
        is_commit.then_some(Fault::Slow(Duration::from_millis(3)))
    });
    count
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_folded_into_few_commits_and_nothing_is_oversold() {
    let store = store();
    receive(&store, 700).await;
    let stocks = stocks(&store).await;
    let commits = count_commits(&store);
    let asked = join_all((0..1_000).map(|number| reserve(&stocks, number, 1))).await;
    assert_eq!(asked.iter().filter(|answer| answer.is_ok()).count(), 700);
    let refused = Err(Unreserved::Insufficient { available: 0 });
    assert_eq!(
        asked.iter().filter(|answer| **answer == refused).count(),
        300
    );
    assert!(
        commits.load(Ordering::Relaxed) <= 5,
        "1,000 requests, folded by 256"
    );
    assert_eq!(
        (level(&store).await.available, level(&store).await.held),
        (0, 700)
    );
}

#[tokio::test(start_paused = true)]
async fn two_writers_of_one_item_oversell_nothing() {
    let store = store();
    receive(&store, 50).await;
    let nodes = [stocks(&store).await, stocks(&store).await];
    count_commits(&store);
    let ask = |number: u128| reserve(&nodes[usize::from(number.is_multiple_of(2))], number, 1);
    let asked = join_all((0..200).map(ask)).await;
    assert_eq!(asked.iter().filter(|answer| answer.is_ok()).count(), 50);
    assert_eq!(
        (level(&store).await.available, level(&store).await.held),
        (0, 50)
    );
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_is_unknown_holds_nothing_twice() {
    for fault in [
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::Late(Duration::from_millis(1)),
        Fault::Late(Duration::from_secs(3)),
    ] {
        let store = store();
        receive(&store, 10).await;
        let stocks = stocks(&store).await;
        let mut first = Some(fault);
        store.script(move |op| match op {
            Op::Commit(_) => first.take(),
            _ => None,
        });
        let (one, two) = join(reserve(&stocks, 1, 4), reserve(&stocks, 2, 4)).await;
        assert_eq!((one, two), (Ok(()), Ok(())), "{fault:?}");
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(
            (level(&store).await.available, level(&store).await.held),
            (2, 8)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_failed_is_not_remembered() {
    let store = store();
    receive(&store, 10).await;
    let stocks = stocks(&store).await;
    assert_eq!(stocks.available(item(), soon()).await.unwrap(), 10);
    let mut first = Some(Fault::Refused);
    store.script(move |op| match op {
        Op::Commit(_) => first.take(),
        _ => None,
    });
    let failed = stocks.reserve(&item(), order(1), 4, soon()).await;
    assert!(matches!(failed, Err(Failure::Unavailable)));
    assert_eq!(stocks.available(item(), soon()).await.unwrap(), 10);
    assert_eq!(reserve(&stocks, 1, 4).await, Ok(()));
    assert_eq!(stocks.available(item(), soon()).await.unwrap(), 6);
}

#[tokio::test(start_paused = true)]
async fn what_is_repeated_changes_nothing() {
    let store = store();
    receive(&store, 10).await;
    let stocks = stocks(&store).await;
    for _ in 0..3 {
        assert_eq!(reserve(&stocks, 1, 4).await, Ok(()));
        assert_eq!(reserve(&stocks, 2, 3).await, Ok(()));
    }
    assert_eq!(level(&store).await.held, 7);
    for _ in 0..3 {
        settle(&stocks, 1, Settlement::Sold).await;
        settle(&stocks, 2, Settlement::Released).await;
    }
    let after = level(&store).await;
    assert_eq!((after.available, after.held, after.sold), (6, 0, 4));
    // What is final stays so.
    settle(&stocks, 1, Settlement::Released).await;
    settle(&stocks, 2, Settlement::Sold).await;
    assert_eq!(level(&store).await, after);
    for number in [1, 2] {
        assert_eq!(reserve(&stocks, number, 1).await, Err(Unreserved::Settled));
    }
}

#[tokio::test(start_paused = true)]
async fn requests_of_one_order_in_one_fold_are_taken_in_turn() {
    let store = store();
    receive(&store, 10).await;
    let stocks = stocks(&store).await;
    // The first reservation is in flight while the others wait for the next fold.
    let commits = count_commits(&store);
    let (first, (again, (), late)) = join(reserve(&stocks, 1, 1), async {
        futures::join!(
            reserve(&stocks, 2, 4),
            settle(&stocks, 2, Settlement::Released),
            reserve(&stocks, 2, 4),
        )
    })
    .await;
    assert_eq!((first, again), (Ok(()), Ok(())));
    assert_eq!(late, Err(Unreserved::Settled));
    assert_eq!(commits.load(Ordering::Relaxed), 2);
    assert_eq!(
        (level(&store).await.available, level(&store).await.held),
        (9, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_release_before_its_reservation_is_recorded() {
    let store = store();
    receive(&store, 10).await;
    let stocks = stocks(&store).await;
    settle(&stocks, 1, Settlement::Released).await;
    assert_eq!(state(&store, 1).await, Some(HoldState::Released));
    assert_eq!(reserve(&stocks, 1, 4).await, Err(Unreserved::Settled));
    assert_eq!(level(&store).await.available, 10);
}

/// What one node holds, another settles, whatever it remembers of the counters.
#[tokio::test(start_paused = true)]
async fn a_hold_of_another_node_is_settled_on_counters_that_have_it() {
    for settlement in [Settlement::Sold, Settlement::Released] {
        let store = store();
        receive(&store, 10).await;
        let (one, other) = (stocks(&store).await, stocks(&store).await);
        assert_eq!(other.available(item(), soon()).await.unwrap(), 10);
        assert_eq!(reserve(&one, 1, 4).await, Ok(()));
        settle(&other, 1, settlement).await;
        let after = level(&store).await;
        let sold = if settlement == Settlement::Sold { 4 } else { 0 };
        assert_eq!((after.held, after.sold), (0, sold));
    }
}

/// Memory may say yes, never no.
#[tokio::test(start_paused = true)]
async fn a_refusal_rests_on_the_store_and_a_yes_needs_no_read() {
    let store = store();
    receive(&store, 10).await;
    let stocks = stocks(&store).await;
    assert_eq!(reserve(&stocks, 1, 10).await, Ok(()));
    receive(&store, 12).await;
    assert_eq!(reserve(&stocks, 2, 2).await, Ok(()));
    assert_eq!(
        reserve(&stocks, 3, 1).await,
        Err(Unreserved::Insufficient { available: 0 })
    );
    receive(&store, 13).await;
    settle(&stocks, 1, Settlement::Sold).await;
    store.script(|op| matches!(op, Op::Read("stock")).then_some(Fault::Refused));
    assert_eq!(reserve(&stocks, 4, 1).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_figure_from_memory_is_at_most_two_seconds_old() {
    let store = store();
    receive(&store, 10).await;
    let stocks = stocks(&store).await;
    let available = async || stocks.available(item(), soon()).await.unwrap();
    assert_eq!(available().await, 10);
    receive(&store, 20).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(available().await, 10);
    tokio::time::sleep(Duration::from_millis(1_001)).await;
    assert_eq!(available().await, 20);
    // One's own changes are told at once.
    assert_eq!(reserve(&stocks, 1, 5).await, Ok(()));
    assert_eq!(available().await, 15);
}

#[tokio::test(start_paused = true)]
async fn memory_knows_what_the_item_would_tell_and_nothing_where_that_is_in_doubt() {
    let store = store();
    receive(&store, 10).await;
    let stocks = stocks(&store).await;
    let known = || stocks.known(&item());
    let available = async || stocks.available(item(), soon()).await.unwrap();
    assert_eq!(known(), None);
    assert_eq!((available().await, known()), (10, Some(10)));
    count_commits(&store);
    assert_eq!(reserve(&stocks, 1, 4).await, Ok(()));
    assert_eq!(known(), Some(6));
    settle(&stocks, 1, Settlement::Released).await;
    assert_eq!(known(), Some(10));
    let mut first = Some(Fault::Refused);
    store.script(move |op| match op {
        Op::Commit(_) => first.take(),
        _ => None,
    });
    let failed = stocks.reserve(&item(), order(2), 4, soon()).await;
    assert!(matches!(failed, Err(Failure::Unavailable)));
    assert_eq!(known(), None);
    assert_eq!((available().await, known()), (10, Some(10)));
    stocks.placed().directory().quiesce(&item());
    while stocks.placed().directory().residents() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(known(), None);
}
