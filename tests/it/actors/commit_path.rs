//! What a user is told is durable, whatever the store does.

use crate::world::{
    World, add, all_quiet, commit_of, in_order, keyed, line_of, soon, units, user_commit, view,
};
use cartwright::actors::Failure;
use cartwright::domain::ids::{LineId, UserId};
use cartwright::domain::user::{Command, Rejection, Request};
use cartwright::store::fault::{Fault, Op};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

fn adding(name: &str, quantity: i64) -> Request {
    Request::of(add(name, quantity), 0)
}

/// A request that is refused whatever the cart holds.
fn refused() -> Request {
    Request::of(Command::RemoveItem(LineId(Uuid::nil())), 0)
}

#[tokio::test(start_paused = true)]
async fn a_change_is_answered_with_the_cart_after_it() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    let cart = world.add(user, "shirt", 3).await.unwrap();
    assert_eq!(line_of(&cart, "shirt").unwrap().1, 5);
    assert_eq!(cart.cart.revision, 2);
    assert_eq!(world.cart(user).await.unwrap().cart, cart.cart);
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_given_before_the_commit_that_it_rests_on() {
    let world = World::new().await;
    let user = world.user().await;
    let pause = world.store.pause(commit_of(user));
    let change = world.spawn(user, adding("shirt", 2));
    pause.reached(1).await;
    let read = world.spawn(user, view());
    let refusal = world.spawn(user, refused());
    let next = world.spawn(user, adding("mug", 1));
    all_quiet().await;
    let read_of_next = world.spawn(user, view());
    all_quiet().await;
    for task in [&change, &read, &refusal, &next, &read_of_next] {
        assert!(!task.is_finished(), "answered before it was durable");
    }
    pause.release();
    assert_eq!(units(change.await.unwrap(), "shirt"), 2);
    assert_eq!(units(read.await.unwrap(), "shirt"), 2);
    let refusal = refusal.await.unwrap();
    assert!(matches!(
        refusal,
        Err(Failure::Rejected(Rejection::ItemNotFound))
    ));
    assert_eq!(units(next.await.unwrap(), "mug"), 1);
    assert_eq!(units(read_of_next.await.unwrap(), "mug"), 1);
}

#[tokio::test(start_paused = true)]
async fn answers_that_rest_on_the_next_commit_wait_for_that_one() {
    let world = World::new().await;
    let user = world.user().await;
    let first = world.store.pause(commit_of(user));
    let change = world.spawn(user, adding("shirt", 2));
    first.reached(1).await;
    let second = world.store.pause(commit_of(user));
    let next = world.spawn(user, adding("mug", 1));
    all_quiet().await;
    let read = world.spawn(user, view());
    let refusal = world.spawn(user, refused());
    all_quiet().await;
    first.release();
    second.reached(1).await;
    assert!(change.await.unwrap().is_ok());
    all_quiet().await;
    for task in [&next, &read, &refusal] {
        assert!(!task.is_finished(), "answered before it was durable");
    }
    second.release();
    assert_eq!(units(next.await.unwrap(), "mug"), 1);
    assert_eq!(units(read.await.unwrap(), "mug"), 1);
    assert!(refusal.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn what_gathers_during_a_commit_is_one_commit() {
    let world = World::new().await;
    let user = world.user().await;
    let before = world.stored(user).await.version;
    let pause = world.store.pause(commit_of(user));
    let first = world.spawn(user, adding("shirt", 1));
    pause.reached(1).await;
    let others: Vec<_> = (0..50)
        .map(|_| world.spawn(user, adding("shirt", 1)))
        .collect();
    all_quiet().await;
    pause.release();
    first.await.unwrap().unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    let stored = world.stored(user).await;
    assert_eq!(stored.version, before + 2);
    assert_eq!(stored.value.cart.lines[0].quantity, 51);
    assert_eq!(stored.value.cart.revision, 51);
}

#[tokio::test(start_paused = true)]
async fn a_commit_in_flight_holds_nobody_else_up() {
    let world = World::new().await;
    let (ann, bob) = (world.user().await, world.user().await);
    let pause = world.store.pause(commit_of(ann));
    let change = world.spawn(ann, adding("shirt", 1));
    pause.reached(1).await;
    assert_eq!(units(world.ask(bob, view()).await, "shirt"), 0);
    assert_eq!(units(world.ask(bob, adding("shirt", 3)).await, "shirt"), 3);
    assert!(!change.is_finished());
    pause.release();
    assert_eq!(units(change.await.unwrap(), "shirt"), 1);
}

/// Adds two shirts while the commit meets `faults`; the answer is right, and so is the store.
async fn added_once_despite(faults: Vec<Fault>) {
    let world = World::new().await;
    let user = world.user().await;
    let before = world.stored(user).await.version;
    let count = faults.len() as u64;
    world.store.script(in_order(commit_of(user), faults));
    let cart = world.add(user, "shirt", 2).await.unwrap();
    assert_eq!(world.store.injected(), count, "a fault was not met");
    assert_eq!(line_of(&cart, "shirt").unwrap().1, 2);
    assert_eq!(cart.cart.revision, 1);
    all_quiet().await;
    let stored = world.stored(user).await;
    assert_eq!(
        (stored.version, &stored.value.cart),
        (before + 1, &*cart.cart)
    );
    assert_eq!(units(world.ask(user, adding("shirt", 1)).await, "shirt"), 3);
    assert_eq!(world.stored(user).await.version, before + 2);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_was_applied_but_timed_out_is_answered_as_done() {
    added_once_despite(vec![Fault::LostAfter]).await;
    added_once_despite(vec![Fault::LostAfter, Fault::LostBefore]).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_was_lost_is_repeated() {
    added_once_despite(vec![Fault::LostBefore]).await;
    added_once_despite(vec![Fault::LostBefore; 5]).await;
    added_once_despite(vec![Fault::LostBefore, Fault::LostAfter]).await;
}

#[tokio::test(start_paused = true)]
async fn a_late_copy_is_harmless_before_and_after_its_repetition() {
    added_once_despite(vec![Fault::Late(Duration::from_millis(1))]).await;
    added_once_despite(vec![Fault::Late(Duration::from_millis(50))]).await;
    added_once_despite(vec![Fault::Late(Duration::from_millis(30)); 3]).await;
}

/// Leaves the outcome of the next commit open until its deadline. `applied` says which it was.
fn undecided(world: &World, user: UserId, applied: bool) {
    let is_commit = commit_of(user);
    let mut first = applied;
    world.store.script(move |op| match op {
        Op::Read("outcome") => Some(Fault::Refused),
        _ if !is_commit(op) => None,
        _ if std::mem::take(&mut first) => Some(Fault::LostAfter),
        _ => Some(Fault::LostBefore),
    });
}

#[tokio::test(start_paused = true)]
async fn an_outcome_nobody_can_tell_ends_the_actor_and_its_key_takes_one_effect() {
    for applied in [false, true] {
        let world = World::new().await;
        let user = world.user().await;
        undecided(&world, user, applied);
        let late = Instant::now() + Duration::from_secs(20);
        let request = keyed(adding("shirt", 2), "k");
        let unknown = world.spawn_until(user, request.clone(), late);
        all_quiet().await;
        let behind = world.spawn_until(user, adding("mug", 1), late);
        let read = world.spawn_until(user, view(), late);
        for task in [unknown, behind, read] {
            assert!(matches!(task.await.unwrap(), Err(Failure::Unavailable)));
        }
        assert!(
            Instant::now() < late,
            "waited for the askers, not the commit"
        );
        world.store.script(|_| None);
        all_quiet().await;
        assert_eq!(world.system.residents().0, 0);
        let expected = if applied { 2 } else { 0 };
        assert_eq!(units(world.ask(user, view()).await, "shirt"), expected);
        let again = world.ask(user, request).await;
        assert_eq!(again.as_ref().unwrap().replayed, applied);
        assert_eq!(units(again, "shirt"), 2);
        assert_eq!(units(world.ask(user, view()).await, "mug"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_copy_of_an_actor_that_ended_does_not_double_the_retry() {
    let world = World::new().await;
    let user = world.user().await;
    let is_commit = commit_of(user);
    let mut copies = 0;
    world.store.script(move |op| {
        is_commit(op).then(|| {
            copies += 1;
            // The first copy lands long after its actor has given up.
            match copies {
                1 => Fault::Late(Duration::from_millis(5_450)),
                _ => Fault::LostBefore,
            }
        })
    });
    let request = keyed(adding("shirt", 2), "k");
    let unknown = world.users.ask(user, request.clone(), soon()).await;
    assert!(matches!(unknown, Err(Failure::Unavailable)));
    all_quiet().await;
    world.store.script(|_| None);
    // The successor has loaded before the copy lands, and commits after it did.
    let slow = in_order(commit_of(user), [Fault::Slow(Duration::from_millis(200))]);
    world.store.script(slow);
    let before = world.stored(user).await.version;
    let again = world.ask(user, request).await;
    assert!(again.as_ref().unwrap().replayed);
    assert_eq!(units(again, "shirt"), 2);
    assert_eq!(world.stored(user).await.version, before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_commit_fails_what_it_carried_and_nothing_else() {
    let world = World::new().await;
    let user = world.user().await;
    world
        .store
        .script(in_order(commit_of(user), [Fault::Refused]));
    let pause = world.store.pause(commit_of(user));
    let failed = world.spawn(user, adding("shirt", 2));
    pause.reached(1).await;
    let read = world.spawn(user, view());
    all_quiet().await;
    let gathered = world.spawn(user, adding("mug", 1));
    all_quiet().await;
    pause.release();
    assert!(matches!(failed.await.unwrap(), Err(Failure::Unavailable)));
    assert!(matches!(read.await.unwrap(), Err(Failure::Unavailable)));
    let cart = gathered.await.unwrap().unwrap().into_cart().unwrap();
    assert_eq!(line_of(&cart, "mug").unwrap().1, 1);
    assert_eq!((cart.cart.lines.len(), cart.cart.revision), (1, 1));
    assert_eq!(world.stored(user).await.value.cart, *cart.cart);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_read_is_a_failure_until_it_can() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    let other = world.sibling(2).await;
    other
        .store
        .script(|op| matches!(op, Op::Read("user")).then_some(Fault::Refused));
    for _ in 0..3 {
        assert!(matches!(
            other.ask(user, view()).await,
            Err(Failure::Unavailable)
        ));
    }
    other.store.script(|_| None);
    assert_eq!(units(other.ask(user, view()).await, "shirt"), 2);
}

#[tokio::test(start_paused = true)]
async fn with_a_full_disk_reads_go_on_and_changes_fail_until_there_is_room() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    world
        .store
        .script(|op| user_commit(op).then_some(Fault::Refused));
    for _ in 0..3 {
        let failed = world.ask(user, adding("shirt", 1)).await;
        assert!(matches!(failed, Err(Failure::Unavailable)));
        assert_eq!(units(world.ask(user, view()).await, "shirt"), 2);
    }
    world.store.script(|_| None);
    assert_eq!(units(world.ask(user, adding("shirt", 1)).await, "shirt"), 3);
}
