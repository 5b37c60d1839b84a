//! Actors leave memory when there are too many, and when the node stops. No request notices.

use crate::world::{World, add, all_quiet, commit_of, soon, units, view};
use cartwright::actors::{Bounds, Failure};
use cartwright::domain::ids::UserId;
use cartwright::domain::user::Request;
use cartwright::store::fault::{Fault, FaultPlan, Op};
use futures::future::join_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn adding(quantity: i64) -> Request {
    Request::of(add("shirt", quantity), 0)
}

async fn small(residents: usize) -> World {
    let bounds = Bounds {
        waiting: 128,
        residents,
    };
    World::with(FaultPlan::NONE, bounds).await
}

/// Passivation has had its turn.
async fn a_while() {
    tokio::time::sleep(Duration::from_millis(2_500)).await;
}

/// Counts loads of users from now on.
fn count_loads(world: &World) -> Arc<AtomicUsize> {
    let loads = Arc::new(AtomicUsize::new(0));
    let counted = loads.clone();
    world.store.script(move |op| {
        if matches!(op, Op::Read("user")) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        None
    });
    loads
}

#[tokio::test(start_paused = true)]
async fn the_least_recently_used_leave() {
    let world = small(20).await;
    let users: Vec<UserId> = join_all((0..40).map(|_| world.user())).await;
    assert_eq!(world.system.residents().0, 40);
    // Most recently used from here on: the first ten.
    for user in &users[..10] {
        world.ask(*user, view()).await.unwrap();
    }
    a_while().await;
    let left = world.system.residents().0;
    assert!((10..=20).contains(&left), "{left} are left");
    let loads = count_loads(&world);
    for user in &users[..10] {
        world.ask(*user, view()).await.unwrap();
    }
    assert_eq!(loads.load(Ordering::Relaxed), 0, "a recently used one left");
    for user in &users[10..] {
        world.ask(*user, view()).await.unwrap();
    }
    assert!(loads.load(Ordering::Relaxed) >= 20);
}

#[tokio::test(start_paused = true)]
async fn requests_that_race_with_passivation_are_answered_right() {
    let world = small(3).await;
    let users: Vec<UserId> = join_all((0..12).map(|_| world.user())).await;
    world.store.script(|op| match op {
        Op::Commit(_) => Some(Fault::Slow(Duration::from_millis(130))),
        Op::Read("user") => Some(Fault::Slow(Duration::from_millis(70))),
        _ => None,
    });
    let loads_before = world.store.injected();
    let mut tasks = Vec::new();
    for (at, user) in users.iter().enumerate() {
        for task in 0..5 {
            let (users, user) = (world.users.clone(), *user);
            let step = [250, 500, 333, 170, 1_000][(at + task) % 5];
            tasks.push(tokio::spawn(async move {
                for _ in 0..20 {
                    users.ask(user, adding(1), soon()).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(step)).await;
                }
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert!(world.store.injected() > loads_before + 100);
    for user in users {
        let stored = world.stored(user).await.value.cart;
        assert_eq!((stored.lines[0].quantity, stored.revision), (100, 100));
    }
    a_while().await;
    assert!(world.system.residents().0 <= 3);
}

#[tokio::test(start_paused = true)]
async fn a_passivated_actor_first_answers_what_it_has() {
    let world = small(1).await;
    let user = world.user().await;
    let pause = world.store.pause(commit_of(user));
    let change = world.spawn(user, adding(2));
    pause.reached(1).await;
    join_all((0..5).map(|_| world.user())).await;
    a_while().await;
    // It takes no more; what comes now is for its successor.
    let later = world.spawn(user, adding(1));
    all_quiet().await;
    assert!(!change.is_finished() && !later.is_finished());
    pause.release();
    assert_eq!(units(change.await.unwrap(), "shirt"), 2);
    assert_eq!(units(later.await.unwrap(), "shirt"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stops_answers_what_is_under_way_then_refuses() {
    let world = World::new().await;
    let (user, idle) = (world.user().await, world.user().await);
    let pause = world.store.pause(commit_of(user));
    let change = world.spawn(user, adding(2));
    pause.reached(1).await;
    let gathered = world.spawn(user, adding(1));
    all_quiet().await;
    let World { system, store, .. } = world;
    let users = system.users();
    let stopped = tokio::spawn(async move {
        system.stop(soon()).await;
        system
    });
    all_quiet().await;
    let refused = users.ask(idle, view(), soon()).await;
    assert!(matches!(refused, Err(Failure::Unavailable)));
    assert!(!stopped.is_finished() && !change.is_finished());
    pause.release();
    assert_eq!(units(change.await.unwrap(), "shirt"), 2);
    assert_eq!(units(gathered.await.unwrap(), "shirt"), 3);
    let system = stopped.await.unwrap();
    assert_eq!(system.residents(), (0, 0));
    let refused = users.ask(user, view(), soon()).await;
    assert!(matches!(refused, Err(Failure::Unavailable)));
    drop(store);
}

#[tokio::test(start_paused = true)]
async fn a_node_stops_in_time_even_where_the_store_does_not_answer() {
    let world = World::new().await;
    let user = world.user().await;
    let pause = world.store.pause(commit_of(user));
    let change = world.spawn(user, adding(2));
    pause.reached(1).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(2);
    world.system.stop(deadline).await;
    assert!(tokio::time::Instant::now() <= deadline + Duration::from_millis(1));
    assert!(matches!(change.await.unwrap(), Err(Failure::Unavailable)));
}
