//! Two owners of one user, as after a partition, and commits that apply when nobody expects them
//! any more: an order stands with its stock sold, or not at all with its stock released.

use super::audit::{assert_books, attempts, orders};
use super::checkout::ask_order;
use crate::world::{START, World, add, order_request, receive, soon};
use cartwright::actors::Failure;
use cartwright::actors::user::Reply;
use cartwright::domain::ids::UserId;
use cartwright::domain::stock::HoldState;
use cartwright::domain::user::{Rejection, Request};
use cartwright::store::fault::{Fault, FaultPlan, FaultyStore, Op, Pause};
use cartwright::store::{Change, Commit};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;

const LATE: Duration = Duration::from_secs(30);

/// Lets everything that can happen now happen.
async fn settled() {
    sleep(Duration::from_millis(1)).await;
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

/// The first operation that matches suffers `fault`.
fn once(world: &World, fault: Fault, matches: fn(&Op<'_>) -> bool) {
    let mut left = Some(fault);
    world
        .store
        .script(move |op| if matches(op) { left.take() } else { None });
}

/// From the first operation that matches on, everything waits: that one alone gets through.
fn pause_after_the_first(world: &World, matches: fn(&Op<'_>) -> bool) -> Pause {
    let seen = AtomicBool::new(false);
    world.store.pause(move |op| {
        let is_later = seen.load(Ordering::Relaxed);
        seen.fetch_or(matches(op), Ordering::Relaxed);
        is_later
    })
}

fn ask_add(world: &World, user: UserId, name: &str) -> JoinHandle<Result<Reply, Failure>> {
    let (users, request) = (world.users.clone(), Request::of(add(name, 1), 0));
    tokio::spawn(async move { users.ask(user, request, soon()).await })
}

#[tokio::test(start_paused = true)]
async fn a_conflict_ends_the_attempt_and_the_next_has_another_id() {
    let world = World::new().await;
    let other = world.another(2).await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    let pause = world.store.pause(order_commit);
    let asked = ask_order(&world, user, Some("k"));
    pause.reached(1).await;
    let first = attempts(&world).await[0].order_id;
    other.add(user, "mug", 1).await.unwrap();
    pause.release();
    let order = asked.await.unwrap().unwrap();
    assert_ne!(order.id, first);
    assert_eq!(
        order.lines.len(),
        2,
        "it is decided on what the cart is now"
    );
    settled().await;
    assert_eq!(
        world.hold_state("shirt", first).await,
        Some(HoldState::Released)
    );
    assert_books(&world, &[user]).await;
}

/// The attempt was drafted on a state that another owner has replaced since, and recovery may
/// have ended it: it is not carried into the new state.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_reserved_during_a_reload_does_not_survive_it() {
    let world = World::new().await;
    let other = world.another(2).await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    let reserving = world.store.pause(stock_commit);
    let asked = ask_order(&world, user, Some("k"));
    reserving.reached(1).await;
    let first = attempts(&world).await[0].order_id;
    other.add(user, "mug", 1).await.unwrap();
    // A conflict, and a load that takes its time; meanwhile all is held.
    let loading = world.store.pause(|op| matches!(op, Op::Read("user")));
    let added = ask_add(&world, user, "poster");
    loading.reached(1).await;
    reserving.release();
    settled().await;
    // A third node ends the attempt, then the load comes back.
    let _third = world.another(3).await;
    loading.release();
    added.await.unwrap().unwrap();
    assert_ne!(asked.await.unwrap().unwrap().id, first);
    settled().await;
    assert_eq!(
        world.hold_state("shirt", first).await,
        Some(HoldState::Released)
    );
    assert_books(&world, &[user]).await;
}

/// Recovery has moved the version and read "not there", and is about to release.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_reserved_after_a_reload_does_not_survive_it() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    let reserving = world.store.pause(stock_commit);
    let asked = ask_order(&world, user, Some("k"));
    reserving.reached(1).await;
    let first = attempts(&world).await[0].order_id;
    let store = FaultyStore::new(world.store.inner().clone(), FaultPlan::NONE);
    let releasing = store.pause(stock_commit);
    let starting = tokio::spawn(world.beside(store, 2));
    releasing.reached(1).await;
    // The conflict has this owner reload; then all is held.
    world.add(user, "mug", 1).await.unwrap();
    reserving.release();
    assert_ne!(asked.await.unwrap().unwrap().id, first);
    settled().await;
    releasing.release();
    let _other = starting.await.unwrap();
    settled().await;
    assert_eq!(
        world.hold_state("shirt", first).await,
        Some(HoldState::Released)
    );
    assert_books(&world, &[user]).await;
}

/// Another owner placed the order of the same key, with the last units: refusing it here for want
/// of stock would be untrue.
#[tokio::test(start_paused = true)]
async fn a_refusal_for_want_of_stock_is_judged_on_the_reloaded_state() {
    let world = World::new().await;
    let other = world.another(2).await;
    let user = world.user().await;
    receive(world.store.inner(), "shirt", 2, START).await;
    world.add(user, "shirt", 2).await.unwrap();
    let reserving = world.store.pause(stock_commit);
    let asked = ask_order(&world, user, Some("k"));
    reserving.reached(1).await;
    let placed = other.order(user, Some("k")).await.unwrap();
    // The conflict has this owner reload before its reservation is refused.
    world.add(user, "mug", 1).await.unwrap();
    reserving.release();
    assert_eq!(asked.await.unwrap().unwrap().id, placed.id);
    settled().await;
    assert_books(&world, &[user]).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_timed_out_and_applied_is_answered_though_another_owner_overtook_it() {
    let world = World::new().await;
    let other = world.another(2).await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    once(&world, Fault::LostAfter, order_commit);
    // Its repetition waits until another has moved the version.
    let pause = pause_after_the_first(&world, order_commit);
    let asked = ask_order(&world, user, Some("k"));
    pause.reached(1).await;
    for _ in 0..3 {
        other.add(user, "mug", 1).await.unwrap();
    }
    pause.release();
    let order = asked.await.unwrap().unwrap();
    settled().await;
    assert_eq!(orders(&world, user).await, [(*order).clone()]);
    assert_books(&world, &[user]).await;
}

/// A slow coordinator applies the commit after the successor has read "not there": the successor
/// has moved the version first, so the copy does nothing.
#[tokio::test(start_paused = true)]
async fn a_commit_that_arrives_after_recovery_does_nothing() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    once(&world, Fault::Late(LATE), order_commit);
    let dead = pause_after_the_first(&world, order_commit);
    let asked = ask_order(&world, user, Some("k"));
    dead.reached(1).await;
    asked.abort();
    let first = attempts(&world).await[0].order_id;
    let successor = world.another(2).await;
    assert_eq!(
        successor.hold_state("shirt", first).await,
        Some(HoldState::Released)
    );
    sleep(LATE).await;
    settled().await;
    assert_eq!(orders(&successor, user).await, []);
    assert_books(&successor, &[user]).await;
    std::mem::forget(dead);
}

/// The same, applied before recovery has moved the version.
#[tokio::test(start_paused = true)]
async fn a_commit_that_arrives_while_recovery_begins_stands_and_is_settled() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    let pause = world.store.pause(order_commit);
    let asked = ask_order(&world, user, Some("k"));
    pause.reached(1).await;
    let successor = {
        // The successor is about to move the version; the late copy comes first.
        let store = FaultyStore::new(world.store.inner().clone(), FaultPlan::NONE);
        let fencing = store.pause(|op| {
            matches!(
                op,
                Op::Commit(Commit {
                    change: Change::User(..),
                    ..
                })
            )
        });
        let starting = tokio::spawn(world.beside(store, 2));
        fencing.reached(1).await;
        // The order is committed, and the node dies before it settles anything.
        let settling = world.store.pause(stock_commit);
        pause.release();
        settling.reached(1).await;
        std::mem::forget(settling);
        asked.abort();
        fencing.release();
        starting.await.unwrap()
    };
    assert_eq!(orders(&successor, user).await.len(), 1);
    assert_books(&successor, &[user]).await;
}

#[tokio::test(start_paused = true)]
async fn a_reservation_that_arrives_after_its_release_leaks_nothing() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    once(&world, Fault::Late(LATE), stock_commit);
    let dead = pause_after_the_first(&world, stock_commit);
    let asked = ask_order(&world, user, None);
    dead.reached(1).await;
    asked.abort();
    let first = attempts(&world).await[0].order_id;
    let successor = world.another(2).await;
    assert_eq!(
        successor.hold_state("shirt", first).await,
        Some(HoldState::Released)
    );
    sleep(LATE).await;
    settled().await;
    assert_books(&successor, &[user]).await;
    std::mem::forget(dead);
}

/// The reservation is not in flight yet when its attempt is ended.
#[tokio::test(start_paused = true)]
async fn a_reservation_that_begins_after_its_release_is_refused() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    let reserving = world.store.pause(|op| matches!(op, Op::Read("holds")));
    let asked = ask_order(&world, user, None);
    reserving.reached(1).await;
    let _other = world.another(2).await;
    reserving.release();
    let failed = asked.await.unwrap();
    assert!(matches!(failed, Err(Failure::Unavailable)), "{failed:?}");
    settled().await;
    assert_eq!(orders(&world, user).await, []);
    assert_books(&world, &[user]).await;
}

/// The first attempt holds the last unit, and its commit is late: a refusal of the retry must be
/// sure that it will never apply, or say that it did.
async fn retry_while_the_first_attempt_holds_the_last_unit(late: Duration) -> bool {
    let world = World::new().await;
    let user = world.user().await;
    receive(world.store.inner(), "shirt", 1, START).await;
    world.add(user, "shirt", 1).await.unwrap();
    // The owner is replaced without recovery: its attempt still holds the unit.
    let other = world.another(2).await;
    once(&world, Fault::Late(late), order_commit);
    let dead = pause_after_the_first(&world, order_commit);
    let asked = ask_order(&world, user, Some("k"));
    dead.reached(1).await;
    asked.abort();
    // The refusal is decided before the late copy is there; its fence waits until it may be.
    let fencing = other.store.pause(|op| {
        matches!(
            op,
            Op::Commit(Commit {
                change: Change::User(..),
                ..
            })
        )
    });
    let retry = ask_order(&other, user, Some("k"));
    fencing.reached(1).await;
    sleep(Duration::from_secs(2)).await;
    fencing.release();
    let answer = retry.await.unwrap();
    let replayed = answer.is_ok();
    if !replayed {
        let Err(Failure::Rejected(Rejection::OutOfStock { available: 0, .. })) = answer else {
            panic!("{answer:?}");
        };
    }
    sleep(LATE).await;
    assert_eq!(orders(&other, user).await.len(), usize::from(replayed));
    other.clock.advance(Duration::from_secs(60));
    sleep(Duration::from_secs(6)).await;
    assert_books(&other, &[user]).await;
    std::mem::forget(dead);
    replayed
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_preceded_by_a_fence_that_finds_the_first_attempt_committed() {
    assert!(retry_while_the_first_attempt_holds_the_last_unit(Duration::from_secs(1)).await);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_preceded_by_a_fence_that_the_first_attempt_does_not_survive() {
    assert!(!retry_while_the_first_attempt_holds_the_last_unit(Duration::from_secs(3)).await);
}

/// Memory may say yes to a reservation, never no.
#[tokio::test(start_paused = true)]
async fn a_refusal_rests_on_what_the_store_says() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 60).await.unwrap();
    let rich = world.user().await;
    world.add(rich, "shirt", 60).await.unwrap();
    world.order(rich, None).await.unwrap();
    let refused = world.order(user, None).await;
    assert!(matches!(
        refused,
        Err(Failure::Rejected(Rejection::OutOfStock {
            available: 40,
            ..
        }))
    ));
    receive(world.store.inner(), "shirt", 120, START).await;
    world.order(user, None).await.unwrap();
    settled().await;
    assert_eq!(world.stock("shirt").await.received, 120);
    assert_books(&world, &[user, rich]).await;
}

/// A node that missed a delivery learns of it when it judges an addition, within seconds.
#[tokio::test(start_paused = true)]
async fn an_addition_is_judged_by_a_figure_that_is_at_most_two_seconds_old() {
    let world = World::new().await;
    let user = world.user().await;
    assert!(world.add(user, "shirt", 101).await.is_err());
    receive(world.store.inner(), "shirt", 500, START).await;
    sleep(Duration::from_millis(2_001)).await;
    world.add(user, "shirt", 101).await.unwrap();
}

/// Two nodes that take turns never lose an order or an addition.
#[tokio::test(start_paused = true)]
async fn owners_that_take_turns_place_every_order_once() {
    let first = World::new().await;
    let second = first.another(2).await;
    let nodes = [&first, &second];
    let user = nodes[0].user().await;
    for turn in 0..20 {
        nodes[turn % 2].add(user, "mug", 2).await.unwrap();
        let key = format!("k{turn}");
        let request = order_request(Some(&key));
        let order = nodes[(turn + 1) % 2].users.ask(user, request, soon());
        let order = order.await.unwrap().into_order().unwrap();
        assert_eq!(order.seq, turn as u64 + 1);
    }
    settled().await;
    assert_books(&first, &[user]).await;
}
