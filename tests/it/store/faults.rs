//! How unknown outcomes become known, over a store that fails as it is told.

use super::samples::*;
use super::{faultless, memory};
use cartwright::domain::ids::UserId;
use cartwright::store::fault::{Fault, FaultPlan, FaultyStore, Op};
use cartwright::store::memory::MemoryStore;
use cartwright::store::resolve::{self, Failure};
use cartwright::store::{
    Attempts, Commit, Commits, Error, Outcome, Partition, SLOTS, UserWrite, Users, Version, WriteId,
};
use futures::future::join_all;
use std::time::Duration;
use tokio::time::{Instant, sleep};

type Faulty = FaultyStore<MemoryStore>;

const USER: UserId = UserId(uuid::Uuid::from_u128(7));

fn ours() -> Commit {
    commit(USER, 0, write_id(1), cart_write(1))
}

fn theirs(expected: Version) -> Commit {
    let number = 1_000 + u128::from(expected);
    commit(USER, expected, write_id(number), cart_write(1_000))
}

fn seconds(count: u64) -> Instant {
    Instant::now() + Duration::from_secs(count)
}

/// Our own commits meet these faults in turn, the last of them from then on; others meet none.
fn faults(store: &Faulty, faults: &[Option<Fault>]) {
    let mut faults = faults.to_vec();
    store.script(move |op| match op {
        Op::Commit(commit) if commit.write == write_id(1) => match faults.len() {
            1 => faults[0],
            _ => faults.remove(0),
        },
        _ => None,
    });
}

async fn revision_and_version(store: &Faulty) -> (u64, Version) {
    let found = store.inner().user(USER).await.unwrap();
    (found.value.cart.revision, found.version)
}

#[tokio::test(start_paused = true)]
async fn applied_but_timed_out_is_applied() {
    let store = faultless().store;
    faults(&store, &[Some(Fault::LostAfter), None]);
    assert_eq!(resolve::commit(&store, ours(), seconds(5)).await, Ok(()));
    assert_eq!(revision_and_version(&store).await, (1, 1));
}

#[tokio::test(start_paused = true)]
async fn lost_before_it_was_applied_is_repeated() {
    let store = faultless().store;
    let lost = Some(Fault::LostBefore);
    faults(&store, &[lost, lost, Some(Fault::LostAfter), None]);
    assert_eq!(resolve::commit(&store, ours(), seconds(5)).await, Ok(()));
    assert_eq!(revision_and_version(&store).await, (1, 1));
    assert_eq!(store.injected(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_final() {
    let store = faultless().store;
    faults(&store, &[Some(Fault::Refused), None]);
    let result = resolve::commit(&store, ours(), seconds(5)).await;
    assert!(matches!(result, Err(Failure::Unavailable(_))), "{result:?}");
    sleep(Duration::from_secs(60)).await;
    assert_eq!(revision_and_version(&store).await, (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_late_commit_that_was_overtaken_is_a_conflict_and_never_applied() {
    let store = faultless().store;
    let late = Some(Fault::Late(Duration::from_millis(300)));
    let lost = Some(Fault::LostBefore);
    faults(&store, &[late, lost, lost, lost, None]);
    let overtaking = async {
        sleep(Duration::from_millis(1)).await;
        store.commit(theirs(0)).await
    };
    let ours = resolve::commit(&store, ours(), seconds(5));
    let (ours, theirs) = tokio::join!(ours, overtaking);
    assert_eq!((ours, theirs), (Err(Failure::Conflict), Ok(())));
    sleep(Duration::from_secs(60)).await;
    assert_eq!(revision_and_version(&store).await, (1_000, 1));
}

#[tokio::test(start_paused = true)]
async fn undecided_at_the_deadline_stays_open_until_a_fence() {
    for fenced in [false, true] {
        let store = faultless().store;
        let late = Some(Fault::Late(Duration::from_secs(9)));
        faults(&store, &[late, Some(Fault::LostBefore)]);
        let deadline = seconds(3);
        let result = resolve::commit(&store, ours(), deadline).await;
        assert_eq!(result, Err(Failure::Undecided));
        assert!(Instant::now() <= deadline);
        assert_eq!(revision_and_version(&store).await, (0, 0));
        if fenced {
            let fence = commit(USER, 0, write_id(2), UserWrite::default());
            assert_eq!(store.commit(fence).await, Ok(()));
        }
        sleep(Duration::from_secs(60)).await;
        let expected = if fenced { (0, 1) } else { (1, 1) };
        assert_eq!(revision_and_version(&store).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn overtaken_by_more_commits_than_there_are_slots_is_undecided() {
    let store = faultless().store;
    let unreachable = [Some(Fault::Refused); 3];
    faults(
        &store,
        &[&[Some(Fault::LostAfter)], &unreachable[..], &[None]].concat(),
    );
    let overtaking = async {
        sleep(Duration::from_millis(1)).await;
        for expected in 1..=SLOTS {
            store.commit(theirs(expected)).await.unwrap();
        }
    };
    let ours = resolve::commit(&store, ours(), seconds(5));
    let (ours, ()) = tokio::join!(ours, overtaking);
    assert_eq!(ours, Err(Failure::Undecided));
}

#[tokio::test(start_paused = true)]
async fn a_paused_operation_waits_until_it_is_released() {
    let store = faultless().store;
    let pause = store.pause(|op| matches!(op, Op::Commit(_)));
    let commit = store.commit(ours());
    let check = async {
        pause.reached(1).await;
        assert_eq!(revision_and_version(&store).await, (0, 0));
        assert_eq!(store.low_water().await, Ok(None));
        pause.release();
    };
    assert_eq!(tokio::join!(commit, check).0, Ok(()));
    assert_eq!(store.commit(theirs(1)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn unconditional_writes_and_reads_fail_too() {
    let store = faultless().store;
    let mut first = true;
    store.script(move |op| match op {
        Op::PutAttempt(_) if std::mem::take(&mut first) => Some(Fault::LostAfter),
        Op::Read("attempts") => Some(Fault::Slow(Duration::from_secs(3))),
        Op::Read("low_water") => Some(Fault::LostBefore),
        _ => None,
    });
    let attempt = attempt(order_id(1), USER, NOW);
    let put = store.put_attempt(attempt.clone()).await;
    assert!(matches!(put, Err(Error::Unknown(_))), "{put:?}");
    assert_eq!(store.put_attempt(attempt.clone()).await, Ok(()));
    let begun = Instant::now();
    let bucket = cartwright::store::bucket(NOW);
    assert_eq!(store.attempts(bucket).await, Ok(vec![attempt]));
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    let low_water = store.low_water().await;
    assert!(matches!(low_water, Err(Error::Unavailable(_))));
}

/// Three writers at a user each, two users shared; what each was told of each commit.
async fn storm(
    seed: u64,
) -> (
    Faulty,
    Vec<(Partition, Version, WriteId, Result<(), Failure>)>,
) {
    let store = FaultyStore::new(memory().store, FaultPlan::seeded(seed, 40));
    let writer = async |number: u128| {
        let user = user_id(number % 2);
        let mut told = Vec::new();
        while told.len() < 12 {
            let Ok(found) = store.user(user).await else {
                sleep(Duration::from_millis(10)).await;
                continue;
            };
            let write = write_id(number * 100 + u128::try_from(told.len()).unwrap());
            let commit = commit(user, found.version, write, cart_write(1));
            let result = resolve::commit(&store, commit, seconds(1)).await;
            told.push((Partition::User(user), found.version, write, result));
        }
        told
    };
    let told = join_all((0..4).map(writer)).await.concat();
    // Until the last late write has come.
    sleep(Duration::from_secs(10)).await;
    (store.clone(), told)
}

#[tokio::test(start_paused = true)]
async fn what_was_told_of_a_commit_is_true_whatever_fails() {
    for seed in 0..40 {
        let (store, told) = storm(seed).await;
        assert!(store.injected() > 10, "seed {seed}");
        let mut versions: Vec<_> = Vec::new();
        for (partition, expected, write, result) in told {
            let outcome = store.inner().outcome(partition.clone(), expected, write);
            let outcome = outcome.await.unwrap();
            let context = format!("seed {seed}, {partition:?} at {expected}: {result:?}");
            match result {
                Ok(()) => {
                    assert_eq!(outcome, Outcome::Applied, "{context}");
                    versions.push((partition, expected));
                }
                Err(Failure::Undecided) => {}
                Err(_) => assert_ne!(outcome, Outcome::Applied, "{context}"),
            }
        }
        let count = versions.len();
        versions.sort();
        versions.dedup();
        assert_eq!(
            versions.len(),
            count,
            "seed {seed}: one version was won twice"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_seed_gives_one_run() {
    let (_, first) = storm(1).await;
    let (store, again) = storm(1).await;
    let (_, other) = storm(2).await;
    assert_eq!(store.seed(), 1);
    assert_eq!(first, again);
    assert_ne!(first, other);
}
