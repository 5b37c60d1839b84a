//! Too many requests of one user are refused at once; nobody else notices, and it passes.

use crate::world::{World, add, all_quiet, commit_of, soon, units, view};
use cartwright::actors::{Bounds, Failure};
use cartwright::domain::user::Request;
use cartwright::store::fault::{FaultPlan, Op};
use std::time::Duration;
use tokio::time::Instant;

const WAITING: usize = 4;

async fn narrow() -> World {
    World::with(FaultPlan::NONE, bounds()).await
}

fn bounds() -> Bounds {
    Bounds {
        waiting: WAITING,
        residents: 100,
    }
}

fn adding(quantity: i64) -> Request {
    Request::of(add("shirt", quantity), 0)
}

#[tokio::test(start_paused = true)]
async fn more_than_may_wait_are_refused_at_once_and_others_are_not() {
    let world = narrow().await;
    let (ann, bob) = (world.user().await, world.user().await);
    let pause = world.store.pause(commit_of(ann));
    let waiting: Vec<_> = (0..WAITING).map(|_| world.spawn(ann, adding(1))).collect();
    all_quiet().await;
    let began = Instant::now();
    for _ in 0..20 {
        let refused = world.ask(ann, adding(1)).await;
        assert!(matches!(refused, Err(Failure::Busy)));
    }
    assert_eq!(Instant::now(), began, "they waited");
    assert_eq!(units(world.ask(bob, adding(2)).await, "shirt"), 2);
    pause.release();
    for task in waiting {
        task.await.unwrap().unwrap();
    }
    // The refused ones changed nothing, and there is room again, as much as before.
    let again: Vec<_> = (0..WAITING).map(|_| world.spawn(ann, view())).collect();
    for task in again {
        assert_eq!(units(task.await.unwrap(), "shirt"), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_gave_up_make_room_and_their_requests_are_not_executed() {
    let registry = World::new().await;
    let user = registry.user().await;
    let (store, clock) = (registry.store.clone(), registry.clock.clone());
    let world = World::over(store, clock, 2, bounds()).await;
    let pause = world.store.pause(|op| matches!(op, Op::Read("user")));
    let early = Instant::now() + Duration::from_millis(100);
    let gone: Vec<_> = (0..WAITING)
        .map(|_| world.spawn_until(user, adding(1), early))
        .collect();
    for task in gone {
        assert!(matches!(task.await.unwrap(), Err(Failure::Unavailable)));
    }
    // What waits in the actor counts, whether or not anybody waits for it.
    assert!(matches!(world.ask(user, view()).await, Err(Failure::Busy)));
    pause.release();
    all_quiet().await;
    let again: Vec<_> = (0..WAITING)
        .map(|_| world.spawn(user, adding(10)))
        .collect();
    for task in again {
        task.await.unwrap().unwrap();
    }
    assert_eq!(units(world.ask(user, view()).await, "shirt"), 40);
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_asker_left_while_its_stock_was_read_is_not_executed() {
    let world = narrow().await;
    let user = world.user().await;
    let pause = world.store.pause(|op| matches!(op, Op::Read("stock")));
    let asked = world.spawn(user, adding(1));
    pause.reached(1).await;
    // The client hangs up.
    asked.abort();
    all_quiet().await;
    pause.release();
    all_quiet().await;
    assert_eq!(units(world.ask(user, view()).await, "shirt"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_asker_left_behind_a_conflict_is_not_executed() {
    let world = World::new().await;
    let user = world.user().await;
    let other = world.sibling(2).await;
    let pause = world.store.pause(crate::world::first(commit_of(user)));
    let asked = world.spawn(user, adding(1));
    pause.reached(1).await;
    other.add(user, "mug", 1).await.unwrap();
    asked.abort();
    all_quiet().await;
    pause.release();
    all_quiet().await;
    let seen = world.users.ask(user, view(), soon()).await;
    assert_eq!(units(seen, "shirt"), 0);
}
