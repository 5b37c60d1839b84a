//! Recovery: attempts that nobody ends are ended once they are overdue, and no attempt is lost.

use super::audit::{assert_books, attempts, orders};
use super::checkout::ask_order;
use crate::world::{World, order_request, reached, sku, soon};
use cartwright::domain::ids::{OrderId, UserId};
use cartwright::domain::order::Attempt;
use cartwright::domain::stock::HoldState;
use cartwright::domain::time::Millis;
use cartwright::sources::Clock as _;
use cartwright::store::fault::{Fault, FaultPlan, FaultyStore, Op};
use cartwright::store::{Attempts as _, Bucket, Change, Commit, bucket};
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// Longer than the pause between two runs.
const A_RUN: Duration = Duration::from_secs(6);
const MINUTE: Duration = Duration::from_secs(60);

fn stock_commit(op: &Op<'_>) -> bool {
    matches!(
        op,
        Op::Commit(Commit {
            change: Change::Stock(..),
            ..
        })
    )
}

fn user_commit(op: &Op<'_>) -> bool {
    matches!(
        op,
        Op::Commit(Commit {
            change: Change::User(..),
            ..
        })
    )
}

/// A node that died with an attempt that holds two shirts.
async fn dead_with_an_attempt() -> (World, UserId, OrderId) {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    let pause = world.store.pause(user_commit);
    let asked = ask_order(&world, user, None);
    reached(&pause).await;
    asked.abort();
    world.kill();
    std::mem::forget(pause);
    let order = attempts(&world).await[0].order_id;
    assert_eq!(
        world.hold_state("shirt", order).await,
        Some(HoldState::Held)
    );
    (world, user, order)
}

async fn mark(world: &World) -> Bucket {
    world.store.inner().low_water().await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_attempt_whose_settling_failed_is_ended_once_it_is_overdue() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    // The second commit of the stock item is the settlement, and so are those after it.
    let mut seen = 0;
    world.store.script(move |op| {
        seen += i32::from(stock_commit(op));
        (stock_commit(op) && seen >= 2).then_some(Fault::Refused)
    });
    let order = world.order(user, None).await.unwrap();
    sleep(A_RUN * 2).await;
    world.store.script(|_| None);
    sleep(A_RUN).await;
    assert_eq!(attempts(&world).await.len(), 1, "it is not overdue");
    world.clock.advance(Duration::from_secs(31));
    sleep(A_RUN).await;
    assert_eq!(
        world.hold_state("shirt", order.id).await,
        Some(HoldState::Sold)
    );
    assert_books(&world, &[user]).await;
}

#[tokio::test(start_paused = true)]
async fn an_attempt_of_a_node_that_died_is_ended_by_a_node_that_lives() {
    let living = World::new().await;
    let user = living.user().await;
    living.add(user, "shirt", 2).await.unwrap();
    let dying = living.another(2).await;
    let pause = dying.store.pause(user_commit);
    let asked = ask_order(&dying, user, None);
    reached(&pause).await;
    asked.abort();
    dying.kill();
    std::mem::forget(pause);
    sleep(A_RUN).await;
    assert_eq!(attempts(&living).await.len(), 1, "it is not overdue");
    living.clock.advance(Duration::from_secs(31));
    sleep(A_RUN).await;
    assert_books(&living, &[user]).await;
}

/// However overdue: the actor that is making the order ends it itself.
#[tokio::test(start_paused = true)]
async fn an_attempt_in_the_making_is_left_alone() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    let pause = world.store.pause(stock_commit);
    let users = world.users.clone();
    let deadline = soon() + MINUTE;
    let request = order_request(None);
    let asked = tokio::spawn(async move { users.ask(user, request, deadline).await });
    reached(&pause).await;
    let attempt = attempts(&world).await[0].order_id;
    world.clock.advance(MINUTE);
    sleep(A_RUN).await;
    assert_eq!(world.hold_state("shirt", attempt).await, None);
    pause.release();
    let order = asked.await.unwrap().unwrap().into_order().unwrap();
    assert_eq!(order.id, attempt, "it was neither ended nor begun anew");
    sleep(A_RUN).await;
    assert_books(&world, &[user]).await;
}

#[tokio::test(start_paused = true)]
async fn the_mark_passes_old_empty_buckets_and_stays_clear_of_young_ones() {
    let world = World::new().await;
    let began = mark(&world).await;
    world.clock.advance(MINUTE * 30);
    sleep(A_RUN).await;
    let now = bucket(world.clock.now());
    assert_eq!(mark(&world).await, began + 30);
    assert!(mark(&world).await <= now - 10);
}

#[tokio::test(start_paused = true)]
async fn the_mark_does_not_pass_an_attempt_that_cannot_be_ended() {
    let (dead, user, order) = dead_with_an_attempt().await;
    let store = FaultyStore::new(dead.store.inner().clone(), FaultPlan::NONE);
    store.script(|op| stock_commit(op).then_some(Fault::Refused));
    let world = dead.beside(store, 2).await;
    let began = attempts(&world).await[0].created_at;
    world.clock.advance(MINUTE * 60);
    sleep(A_RUN).await;
    assert!(mark(&world).await <= bucket(began));
    // Once it can, it is.
    world.store.script(|_| None);
    sleep(A_RUN * 2).await;
    assert_eq!(
        world.hold_state("shirt", order).await,
        Some(HoldState::Released)
    );
    assert!(mark(&world).await > bucket(began));
    assert_books(&world, &[user]).await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_loses_no_attempt() {
    let (dead, user, _) = dead_with_an_attempt().await;
    dead.clock.set_back(MINUTE * 8);
    let world = dead.another(2).await;
    assert_books(&world, &[user]).await;
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_begins_after_the_clock_was_set_back_is_not_lost() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    world.clock.advance(MINUTE * 60);
    sleep(A_RUN).await;
    world.clock.set_back(MINUTE * 9);
    let pause = world.store.pause(user_commit);
    let asked = ask_order(&world, user, None);
    reached(&pause).await;
    asked.abort();
    world.kill();
    std::mem::forget(pause);
    assert_eq!(attempts(&world).await.len(), 1);
    let successor = world.another(2).await;
    assert_books(&successor, &[user]).await;
    assert_eq!(orders(&successor, user).await, []);
}

/// An attempt by nobody, in a bucket of its own.
async fn stray_attempt(world: &World, user: UserId, minutes: i64) {
    let created_at = world.clock.now().plus(Millis::seconds(60 * minutes));
    let attempt = Attempt {
        order_id: OrderId(Uuid::from_u128(77)),
        user_id: user,
        created_at,
        deadline: created_at,
        demand: vec![(sku("poster"), 1)],
    };
    world.store.inner().put_attempt(attempt).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn recovery_goes_on_when_one_attempt_cannot_be_ended() {
    let (dead, user, order) = dead_with_an_attempt().await;
    stray_attempt(&dead, user, -2).await;
    stray_attempt(&dead, UserId(Uuid::from_u128(1)), -1).await;
    let store = FaultyStore::new(dead.store.inner().clone(), FaultPlan::NONE);
    let poster = sku("poster");
    store.script(move |op| match op {
        Op::Commit(Commit {
            change: Change::Stock(key, _),
            ..
        }) if *key == poster => Some(Fault::Refused),
        _ => None,
    });
    let world = dead.beside(store, 2).await;
    assert_eq!(
        world.hold_state("shirt", order).await,
        Some(HoldState::Released)
    );
    assert_eq!(attempts(&world).await.len(), 2, "the strays are left");
}

#[tokio::test(start_paused = true)]
async fn recovery_goes_on_when_one_bucket_cannot_be_read() {
    let (dead, user, _) = dead_with_an_attempt().await;
    let store = FaultyStore::new(dead.store.inner().clone(), FaultPlan::NONE);
    let mut first = true;
    store.script(move |op| {
        let hit = first && matches!(op, Op::Read("attempts"));
        first &= !hit;
        hit.then_some(Fault::Refused)
    });
    let world = dead.beside(store, 2).await;
    assert_books(&world, &[user]).await;
}

/// What was written twice by a slow coordinator comes back after its attempt is over.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_written_again_after_its_end_is_ended_again() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    let mut first = Some(Fault::Late(Duration::from_secs(20)));
    world.store.script(move |op| match op {
        Op::PutAttempt(_) => first.take(),
        _ => None,
    });
    world.order(user, None).await.unwrap();
    sleep(Duration::from_millis(1)).await;
    assert_books(&world, &[user]).await;
    sleep(Duration::from_secs(20)).await;
    assert_eq!(attempts(&world).await.len(), 1, "it came back");
    world.clock.advance(Duration::from_secs(31));
    sleep(A_RUN).await;
    assert_books(&world, &[user]).await;
}
