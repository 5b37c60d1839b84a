//! A node that dies at any step of checkout: its successor ends what it began, one way or the
//! other, and a retry of the same request makes one order in all.

use super::audit::{assert_books, attempts, orders};
use crate::world::{BOUNDS, World, order_request, reached, soon};
use cartwright::domain::ids::UserId;
use cartwright::store::fault::{Fault, FaultPlan, FaultyStore, Op, Pause};
use cartwright::store::{Change, Commit, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Which side of an operation the node dies on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// It never reaches the store.
    Before,
    /// It is done, and its answer never comes back.
    After,
}

/// From the `nth` operation that matches on, nothing reaches the store.
pub(super) fn die(
    store: &FaultyStore<impl Store>,
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

pub(super) fn stock_commit(op: &Op<'_>) -> bool {
    matches!(
        op,
        Op::Commit(Commit {
            change: Change::Stock(..),
            ..
        })
    )
}

pub(super) fn order_commit(op: &Op<'_>) -> bool {
    matches!(op, Op::Commit(Commit { change: Change::User(_, write), .. }) if !write.orders.is_empty())
}

pub(super) fn attempt_put(op: &Op<'_>) -> bool {
    matches!(op, Op::PutAttempt(_))
}

pub(super) fn attempt_removed(op: &Op<'_>) -> bool {
    matches!(op, Op::RemoveAttempt(..))
}

crash_tests!(
    a_crash_before_the_attempt_is_written_leaves_nothing,
    a_crash_after_the_attempt_is_written_leaves_no_order,
    a_crash_after_some_reservations_releases_them,
    a_crash_after_all_reservations_releases_them,
    a_crash_before_the_order_is_committed_releases_everything,
    a_crash_after_the_commit_and_before_its_answer_keeps_the_order,
    a_crash_before_settling_keeps_the_order,
    a_crash_after_some_settling_keeps_the_order,
    a_crash_after_all_settling_keeps_the_order,
    a_crash_before_the_attempt_is_removed_keeps_the_order,
    a_crash_after_the_attempt_is_removed_keeps_the_order,
    a_crash_while_an_order_is_given_up_releases_the_rest,
    a_crash_of_recovery_is_recovered_from,
);

/// A node dies while it places an order of a shirt and a mug; another takes its place and is
/// asked for the same order. `placed`: whether the order stands before it is asked.
async fn dies(
    world: World<impl Store>,
    side: Side,
    nth: usize,
    matches: fn(&Op<'_>) -> bool,
    attempts_left: usize,
    placed: bool,
) {
    let user = shopper(&world).await;
    let death = die(&world.store, side, nth, matches);
    let asked = {
        let users = world.users.clone();
        tokio::spawn(async move { users.ask(user, order_request(Some("k")), soon()).await })
    };
    reached(&death).await;
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

/// Somebody with two shirts and a mug in the cart.
pub(super) async fn shopper(world: &World<impl Store>) -> UserId {
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    world.add(user, "mug", 1).await.unwrap();
    user
}

async fn a_crash_before_the_attempt_is_written_leaves_nothing(world: World<impl Store>) {
    dies(world, Side::Before, 1, attempt_put, 0, false).await;
}

async fn a_crash_after_the_attempt_is_written_leaves_no_order(world: World<impl Store>) {
    dies(world, Side::After, 1, attempt_put, 1, false).await;
}

async fn a_crash_after_some_reservations_releases_them(world: World<impl Store>) {
    dies(world, Side::Before, 2, stock_commit, 1, false).await;
}

async fn a_crash_after_all_reservations_releases_them(world: World<impl Store>) {
    dies(world, Side::After, 2, stock_commit, 1, false).await;
}

async fn a_crash_before_the_order_is_committed_releases_everything(world: World<impl Store>) {
    dies(world, Side::Before, 1, order_commit, 1, false).await;
}

async fn a_crash_after_the_commit_and_before_its_answer_keeps_the_order(world: World<impl Store>) {
    dies(world, Side::After, 1, order_commit, 1, true).await;
}

async fn a_crash_before_settling_keeps_the_order(world: World<impl Store>) {
    dies(world, Side::Before, 3, stock_commit, 1, true).await;
}

async fn a_crash_after_some_settling_keeps_the_order(world: World<impl Store>) {
    dies(world, Side::Before, 4, stock_commit, 1, true).await;
}

async fn a_crash_after_all_settling_keeps_the_order(world: World<impl Store>) {
    dies(world, Side::After, 4, stock_commit, 1, true).await;
}

async fn a_crash_before_the_attempt_is_removed_keeps_the_order(world: World<impl Store>) {
    dies(world, Side::Before, 1, attempt_removed, 1, true).await;
}

async fn a_crash_after_the_attempt_is_removed_keeps_the_order(world: World<impl Store>) {
    dies(world, Side::After, 1, attempt_removed, 0, true).await;
}

/// What was in the making of an order that is given up is as harmless.
async fn a_crash_while_an_order_is_given_up_releases_the_rest(world: World<impl Store>) {
    let user = shopper(&world).await;
    crate::world::receive(world.store.inner(), "mug", 0, crate::world::START).await;
    // The shirts are held, the mug is refused, both are released: the node dies between the two.
    let death = die(&world.store, Side::Before, 3, stock_commit);
    let asked = {
        let users = world.users.clone();
        tokio::spawn(async move { users.ask(user, order_request(Some("k")), soon()).await })
    };
    reached(&death).await;
    asked.abort();
    std::mem::forget(death);
    let successor = world.another(2).await;
    assert_books(&successor, &[user]).await;
    assert_eq!(orders(&successor, user).await, []);
}

/// A successor that dies while it recovers is succeeded in turn.
async fn a_crash_of_recovery_is_recovered_from(world: World<impl Store>) {
    let user = shopper(&world).await;
    let death = die(&world.store, Side::Before, 3, stock_commit);
    let users = world.users.clone();
    let asked =
        tokio::spawn(async move { users.ask(user, order_request(Some("k")), soon()).await });
    reached(&death).await;
    asked.abort();
    std::mem::forget(death);

    let store = world.store.beside(FaultPlan::NONE);
    // One of two holds is settled.
    let death = die(&store, Side::Before, 2, stock_commit);
    let starting = tokio::spawn(world.beside(store, 2));
    reached(&death).await;
    starting.abort();
    std::mem::forget(death);

    let store = world.store.beside(FaultPlan::NONE);
    let last = World::over(store, world.clock.clone(), 3, BOUNDS).await;
    assert_books(&last, &[user]).await;
    assert_eq!(orders(&last, user).await.len(), 1);
}
