//! A keyspace that is reached through a line which freezes: requests, or answers, are stuck on it
//! until it thaws. These are the driver's real time-outs.

use super::ManualClock;
use super::samples::*;
use crate::cql::{self, Keyspace};
use crate::line::Line;
use cartwright::store::resolve::{self, Failure};
use cartwright::store::scylla::ScyllaStore;
use cartwright::store::{Commits, Error, Outcome, Partition, UserWrite, Users};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The line, a store at its end, and one that does not need it.
async fn stores() -> Option<(Line, ScyllaStore, ScyllaStore, Keyspace)> {
    let server = cql::server()?;
    let keyspace = Keyspace::lend(&server).await;
    let line = Line::to(server).await;
    let clock = Arc::new(ManualClock::default());
    let through = cql::options(&line.address, &keyspace.options().keyspace);
    let sources = cql::sources(clock.clone());
    let far = ScyllaStore::connect(&through, &sources).await.unwrap();
    let near = keyspace.store(clock).await;
    Some((line, far, near, keyspace))
}

async fn becomes(is_healthy: bool, store: &ScyllaStore) {
    let asking = async {
        while store.is_healthy() != is_healthy {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), asking).await.unwrap();
}

#[tokio::test]
async fn a_commit_whose_answer_is_stuck_is_unknown_and_found_applied() {
    let Some((line, far, near, _keyspace)) = stores().await else {
        return;
    };
    let user = user_id(1);
    let ours = commit(user, 0, write_id(1), cart_write(7));
    line.answers.send_replace(true);
    let told = far.commit(ours.clone()).await;
    assert!(matches!(told, Err(Error::Unknown(_))), "{told:?}");
    let read = far.user(user).await;
    assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
    becomes(false, &far).await;
    assert_eq!(near.user(user).await.unwrap().version, 1);

    line.answers.send_replace(false);
    becomes(true, &far).await;
    assert_eq!(far.commit(ours).await, Err(Error::Conflict));
    let outcome = far.outcome(Partition::User(user), 0, write_id(1)).await;
    assert_eq!(outcome, Ok(Outcome::Applied));
    let found = far.user(user).await.unwrap();
    assert_eq!((found.version, found.value.cart.revision), (1, 7));
}

#[tokio::test]
async fn an_answer_that_is_stuck_for_a_while_delays_the_commit_and_no_more() {
    let Some((line, far, near, _keyspace)) = stores().await else {
        return;
    };
    let user = user_id(1);
    line.answers.send_replace(true);
    let ours = commit(user, 0, write_id(1), cart_write(7));
    let thaw = async {
        // Longer than the driver waits.
        sleep(Duration::from_secs(4)).await;
        line.answers.send_replace(false);
    };
    let (resolved, ()) = tokio::join!(resolve_soon(&far, ours), thaw);
    assert_eq!(resolved, Ok(()));
    assert_eq!(near.user(user).await.unwrap().version, 1);
}

#[tokio::test]
async fn a_copy_that_arrives_after_it_was_not_there_is_stopped_by_a_fence_alone() {
    let Some((line, far, near, _keyspace)) = stores().await else {
        return;
    };
    let (fenced, open) = (user_id(1), user_id(2));
    line.requests.send_replace(true);
    for user in [fenced, open] {
        let told = far.commit(commit(user, 0, write_id(1), cart_write(7)));
        let told = told.await;
        assert!(matches!(told, Err(Error::Unknown(_))), "{told:?}");
        let outcome = near.outcome(Partition::User(user), 0, write_id(1)).await;
        assert_eq!(outcome, Ok(Outcome::NotYet));
    }
    let fence = commit(fenced, 0, write_id(2), UserWrite::default());
    assert_eq!(near.commit(fence).await, Ok(()));

    line.requests.send_replace(false);
    becomes(true, &far).await;
    let late = async {
        while near.user(open).await.unwrap().version == 0 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), late).await.unwrap();
    let found = near.user(open).await.unwrap();
    assert_eq!((found.version, found.value.cart.revision), (1, 7));
    let found = near.user(fenced).await.unwrap();
    assert_eq!((found.version, found.value.cart.revision), (1, 0));
    let outcome = near.outcome(Partition::User(fenced), 0, write_id(1)).await;
    assert_eq!(outcome, Ok(Outcome::Never));
}

async fn resolve_soon(
    store: &ScyllaStore,
    commit: cartwright::store::Commit,
) -> Result<(), Failure> {
    resolve::commit(store, commit, Instant::now() + Duration::from_secs(20)).await
}
