//! A node that dies at any step of checkout: its successor ends what it began, one way or the
//! other, and a retry of the same request makes one order in all.

use super::audit::{assert_books, attempts, orders};
use crate::world::{BOUNDS, World, order_request, soon};
use cartwright::domain::ids::UserId;
use cartwright::store::fault::{Fault, FaultPlan, FaultyStore, Op, Pause};
use cartwright::store::memory::MemoryStore;
use cartwright::store::{Change, Commit};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Which side of an operation the node dies on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// It never reaches the store.
    Before,
    /// It is done, and its answer never comes back.
    After,
}

/// From the `nth` operation that matches on, nothing reaches the store.
fn die(
    store: &FaultyStore<MemoryStore>,
    side: Side,
    nth: usize,
    matches: impl Fn(&Op<'_>) -> bool + Send + Sync + 'static,
) -> Pause {
    let dead = Arc::new(AtomicBool::new(false));
    let seen = AtomicUsize::new(0);
    let is_it = move |op: &Op<'_>| matches(op) && seen.fetch_add(1, Ordering::Relaxed) + 1 == nth;
    match side {
        Side::Before => store.pause(move |op| {
            dead.fetch_or(is_it(op), Ordering::Relaxed) || dead.load(Ordering::Relaxed)
        }),
        Side::After => {
            let last = dead.clone();
            store.script(move |op| {
                let it = is_it(op);
                last.fetch_or(it, Ordering::Relaxed);
                it.then_some(Fault::LostAfter)
            });
            store.pause(move |_| dead.load(Ordering::Relaxed))
        }
    }
}

fn stock_commit(op: &Op<'_>) -> bool {
    matches!(
        op,
        Op::Commit(Commit {
            change: Change::Stock(..),
            ..
        })
    )
}

fn order_commit(op: &Op<'_>) -> bool {
    matches!(op, Op::Commit(Commit { change: Change::User(_, write), .. }) if !write.orders.is_empty())
}

fn attempt_put(op: &Op<'_>) -> bool {
    matches!(op, Op::PutAttempt(_))
}

fn attempt_removed(op: &Op<'_>) -> bool {
    matches!(op, Op::RemoveAttempt(..))
}

/// A node dies while it places an order of a shirt and a mug; another takes its place and is
/// asked for the same order. `placed`: whether the order stands before it is asked.
async fn dies(
    side: Side,
    nth: usize,
    matches: fn(&Op<'_>) -> bool,
    attempts_left: usize,
    placed: bool,
) {
    let (world, user) = shopper().await;
    let death = die(&world.store, side, nth, matches);
    let asked = {
        let users = world.users.clone();
        tokio::spawn(async move { users.ask(user, order_request(Some("k")), soon()).await })
    };
    death.reached(1).await;
    asked.abort();
    std::mem::forget(death);
    assert_eq!(attempts(&world).await.len(), attempts_left);
    assert_eq!(orders(&world, user).await.len(), usize::from(placed));

    let successor = world.another(2).await;
    assert_books(&successor, &[user]).await;
    assert_eq!(orders(&successor, user).await.len(), usize::from(placed));

    let retried = successor.users.ask(user, order_request(Some("k")), soon());
    let retried = retried.await.unwrap();
    assert_eq!(retried.replayed, placed);
    let order = retried.into_order().unwrap();
    successor.system.stop(soon()).await;
    assert_books(&successor, &[user]).await;
    let stored = orders(&successor, user).await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0], *order);
}

async fn shopper() -> (World, UserId) {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    world.add(user, "mug", 1).await.unwrap();
    (world, user)
}

#[tokio::test(start_paused = true)]
async fn a_crash_before_the_attempt_is_written_leaves_nothing() {
    dies(Side::Before, 1, attempt_put, 0, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_the_attempt_is_written_leaves_no_order() {
    dies(Side::After, 1, attempt_put, 1, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_some_reservations_releases_them() {
    dies(Side::Before, 2, stock_commit, 1, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_all_reservations_releases_them() {
    dies(Side::After, 2, stock_commit, 1, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_before_the_order_is_committed_releases_everything() {
    dies(Side::Before, 1, order_commit, 1, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_the_commit_and_before_its_answer_keeps_the_order() {
    dies(Side::After, 1, order_commit, 1, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_before_settling_keeps_the_order() {
    dies(Side::Before, 3, stock_commit, 1, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_some_settling_keeps_the_order() {
    dies(Side::Before, 4, stock_commit, 1, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_all_settling_keeps_the_order() {
    dies(Side::After, 4, stock_commit, 1, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_before_the_attempt_is_removed_keeps_the_order() {
    dies(Side::Before, 1, attempt_removed, 1, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_the_attempt_is_removed_keeps_the_order() {
    dies(Side::After, 1, attempt_removed, 0, true).await;
}

/// What was in the making of an order that is given up is as harmless.
#[tokio::test(start_paused = true)]
async fn a_crash_while_an_order_is_given_up_releases_the_rest() {
    let (world, user) = shopper().await;
    crate::world::receive(world.store.inner(), "mug", 0, crate::world::START).await;
    // The shirts are held, the mug is refused, both are released: the node dies between the two.
    let death = die(&world.store, Side::Before, 3, stock_commit);
    let asked = {
        let users = world.users.clone();
        tokio::spawn(async move { users.ask(user, order_request(Some("k")), soon()).await })
    };
    death.reached(1).await;
    asked.abort();
    std::mem::forget(death);
    let successor = world.another(2).await;
    assert_books(&successor, &[user]).await;
    assert_eq!(orders(&successor, user).await, []);
}

/// A successor that dies while it recovers is succeeded in turn.
#[tokio::test(start_paused = true)]
async fn a_crash_of_recovery_is_recovered_from() {
    let (world, user) = shopper().await;
    let death = die(&world.store, Side::Before, 3, stock_commit);
    let users = world.users.clone();
    let asked =
        tokio::spawn(async move { users.ask(user, order_request(Some("k")), soon()).await });
    death.reached(1).await;
    asked.abort();
    std::mem::forget(death);

    let store = FaultyStore::new(world.store.inner().clone(), FaultPlan::NONE);
    // One of two holds is settled.
    let death = die(&store, Side::Before, 2, stock_commit);
    let starting = tokio::spawn(world.beside(store, 2));
    death.reached(1).await;
    starting.abort();
    std::mem::forget(death);

    let store = FaultyStore::new(world.store.inner().clone(), FaultPlan::NONE);
    let last = World::over(store, world.clock.clone(), 3, BOUNDS).await;
    assert_books(&last, &[user]).await;
    assert_eq!(orders(&last, user).await.len(), 1);
}
