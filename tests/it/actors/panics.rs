//! A request or a store call that panics is one failure: nobody else is harmed, nobody waits.

use crate::world::{World, add, all_quiet, commit_of, first, keyed, order_request, units, view};
use cartwright::actors::Failure;
use cartwright::actors::user::Reply;
use cartwright::domain::ids::{LineId, UserId};
use cartwright::domain::user::{Command, Request};
use cartwright::store::fault::Op;
use cartwright::store::{Change, Commit, Commits, UserWrite, WriteId};
use uuid::Uuid;

fn adding(name: &str, quantity: i64) -> Request {
    Request::of(add(name, quantity), 0)
}

fn is_unavailable(answer: &Result<Reply, Failure>) -> bool {
    matches!(answer, Err(Failure::Unavailable))
}

/// Makes the next store call that matches, and no other, panic.
fn panic_in(world: &World, matches: impl Fn(&Op<'_>) -> bool + Send + 'static) {
    let matches = first(matches);
    world.store.script(move |op| {
        assert!(!matches(op), "told to panic");
        None
    });
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_panics_fails_its_own_request() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 1).await.unwrap();
    let pause = world.store.pause(commit_of(user));
    let before = world.spawn(user, adding("shirt", 1));
    pause.reached(1).await;
    world.entropy.panic_once();
    // The id of its new line is the draw that panics.
    let poisoned = world.spawn(user, adding("mug", 1));
    all_quiet().await;
    assert!(matches!(poisoned.await.unwrap(), Err(Failure::Internal)));
    let after = world.spawn(user, adding("shirt", 1));
    let read = world.spawn(user, view());
    all_quiet().await;
    pause.release();
    assert_eq!(units(before.await.unwrap(), "shirt"), 2);
    assert_eq!(units(after.await.unwrap(), "shirt"), 3);
    assert_eq!(units(read.await.unwrap(), "mug"), 0);
    assert_eq!(units(world.ask(user, adding("mug", 1)).await, "mug"), 1);
}

/// Gives the user the last epoch that there is: a logout then panics half-way through its change,
/// where overflow is checked.
async fn exhaust_epochs(world: &World, user: UserId) {
    let stored = world.stored(user).await;
    let mut account = stored.value.account.unwrap();
    account.epoch = u32::MAX;
    let write = UserWrite {
        account: Some(account),
        ..UserWrite::default()
    };
    let commit = Commit {
        expected: stored.version,
        write: WriteId(Uuid::nil()),
        change: Change::User(user, write),
    };
    world.store.inner().commit(commit).await.unwrap();
}

fn last_epoch(command: Command) -> Request {
    Request::of(command, u32::MAX)
}

#[tokio::test(start_paused = true)]
#[cfg_attr(not(debug_assertions), ignore = "needs checked overflow")]
async fn a_change_that_panics_half_way_leaves_nothing_of_it() {
    let world = World::new().await;
    let user = world.user().await;
    exhaust_epochs(&world, user).await;
    let owner = world.sibling(2).await;
    let poisoned = owner.ask(user, last_epoch(Command::Logout)).await;
    assert!(matches!(poisoned, Err(Failure::Internal)));
    // Its key has the account written, as it is in memory.
    let keyed = keyed(last_epoch(add("mug", 1)), "k");
    let added = owner.ask(user, keyed).await;
    assert_eq!(units(added, "mug"), 1);
    let account = world.stored(user).await.value.account.unwrap();
    assert_eq!(
        account.sessions.len(),
        1,
        "half of the logout was committed"
    );
}

#[tokio::test(start_paused = true)]
#[cfg_attr(not(debug_assertions), ignore = "needs checked overflow")]
async fn a_change_that_panics_during_a_commit_harms_neither_batch() {
    let world = World::new().await;
    let user = world.user().await;
    exhaust_epochs(&world, user).await;
    let owner = world.sibling(2).await;
    let pause = world.store.pause(first(commit_of(user)));
    let carried = owner.spawn(user, last_epoch(add("mug", 1)));
    pause.reached(1).await;
    let gathered = owner.spawn(user, last_epoch(add("mug", 2)));
    all_quiet().await;
    let poisoned = owner.spawn(user, last_epoch(Command::Logout));
    all_quiet().await;
    assert!(matches!(poisoned.await.unwrap(), Err(Failure::Internal)));
    // Its key has the account written, as it is in memory.
    let later = owner.spawn(user, keyed(last_epoch(add("mug", 3)), "k"));
    all_quiet().await;
    assert!(!gathered.is_finished() && !later.is_finished());
    pause.release();
    assert_eq!(units(carried.await.unwrap(), "mug"), 1);
    assert!(gathered.await.unwrap().is_ok() && later.await.unwrap().is_ok());
    let cart = world.stored(user).await.value.cart;
    assert_eq!((cart.lines[0].quantity, cart.revision), (6, 3));
    let account = world.stored(user).await.value.account.unwrap();
    assert_eq!(
        account.sessions.len(),
        1,
        "half of the logout was committed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_panics_is_an_unknown_outcome_of_its_user_alone() {
    let world = World::new().await;
    let (ann, bob) = (world.user().await, world.user().await);
    panic_in(&world, commit_of(ann));
    let lost = world.spawn(ann, adding("shirt", 1));
    assert_eq!(units(world.ask(bob, adding("shirt", 1)).await, "shirt"), 1);
    assert!(is_unavailable(&lost.await.unwrap()));
    assert_eq!(units(world.ask(ann, adding("shirt", 1)).await, "shirt"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_panics_fails_those_that_waited_for_it() {
    let world = World::new().await;
    let user = world.user().await;
    let other = world.sibling(2).await;
    panic_in(&other, |op| matches!(op, Op::Read("user")));
    assert!(is_unavailable(&other.ask(user, view()).await));
    assert!(other.ask(user, view()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_panics_fails_its_own_request() {
    let world = World::new().await;
    let user = world.user().await;
    world
        .ask(user, keyed(adding("shirt", 1), "known"))
        .await
        .unwrap();
    let owner = world.sibling(2).await;
    panic_in(&owner, |op| matches!(op, Op::Read("key_use")));
    let lost = owner.spawn(user, keyed(adding("shirt", 1), "lost"));
    let plain = owner.spawn(user, adding("mug", 1));
    assert!(lost.await.unwrap().is_err());
    assert!(plain.await.unwrap().is_ok());
    let again = owner.ask(user, keyed(adding("shirt", 1), "lost")).await;
    assert_eq!(units(again, "shirt"), 2);
    // The actor does not wait for the lost one for ever: it can still be stopped.
    owner.system.stop(crate::world::soon()).await;
    assert_eq!(owner.system.residents().0, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stock_fold_that_panics_fails_its_requests_of_that_item() {
    let world = World::new().await;
    let (ann, bob) = (world.user().await, world.user().await);
    panic_in(&world, |op| matches!(op, Op::Read("stock")));
    let lost = world.spawn(ann, adding("shirt", 1));
    all_quiet().await;
    assert!(world.ask(bob, adding("mug", 1)).await.is_ok());
    assert!(is_unavailable(&lost.await.unwrap()));
    assert_eq!(units(world.ask(ann, adding("shirt", 1)).await, "shirt"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reservation_that_panics_fails_its_order_and_lets_the_next_be_placed() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 1).await.unwrap();
    panic_in(&world, |op| matches!(op, Op::PutAttempt(_)));
    let lost = world.spawn(user, order_request(None));
    let next = world.spawn(user, order_request(None));
    assert!(lost.await.unwrap().is_err());
    assert_eq!(next.await.unwrap().unwrap().into_order().unwrap().seq, 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_leaves_no_trace() {
    let world = World::new().await;
    let user = world.user().await;
    let before = world.stored(user).await;
    let nothing = Command::RemoveItem(LineId(Uuid::nil()));
    assert!(world.ask(user, Request::of(nothing, 0)).await.is_err());
    assert_eq!(world.stored(user).await, before);
}
