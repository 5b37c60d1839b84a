//! An actor that dies takes only the requests along that it had in hand.

use crate::world::{World, add, all_quiet, commit_of, units, view};
use cartwright::actors::Failure;
use cartwright::domain::user::{Command, Request};

/// A request that draws no randomness itself: the first draw is the commit's, outside of any
/// decision, and a panic there kills the actor.
fn clearing() -> Request {
    Request::of(Command::ClearCart, 0)
}

#[tokio::test(start_paused = true)]
async fn a_successor_executes_what_a_dead_actor_had_not_read() {
    let world = World::new().await;
    let (user, sibling) = (world.user().await, world.user().await);
    world.add(user, "shirt", 1).await.unwrap();
    world.entropy.panic_once();
    let killer = world.spawn(user, clearing());
    let unread: Vec<_> = (0..20).map(|_| world.spawn(user, clearing())).collect();
    let other = world.spawn(sibling, view());
    assert!(matches!(killer.await.unwrap(), Err(Failure::Unavailable)));
    for task in unread {
        let cart = task.await.unwrap().unwrap().into_cart().unwrap().cart;
        assert!(cart.lines.is_empty());
    }
    assert!(other.await.unwrap().is_ok());
    // The add, and twenty clearings: the killer's came to nothing.
    assert_eq!(world.stored(user).await.value.cart.revision, 21);
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_a_dead_actor_is_decided_by_the_version_alone() {
    let world = World::new().await;
    let user = world.user().await;
    let pause = world.store.pause(commit_of(user));
    let in_hand = world.spawn(user, Request::of(add("shirt", 2), 0));
    pause.reached(1).await;
    // Takes no part in a commit, and its line's id is drawn in its decision: it fails alone.
    world.entropy.panic_once();
    let poisoned = world.spawn(user, Request::of(add("mug", 1), 0));
    assert!(matches!(poisoned.await.unwrap(), Err(Failure::Internal)));
    let gathered = world.spawn(user, clearing());
    all_quiet().await;
    // The next draw is that of the commit of what gathered.
    world.entropy.panic_once();
    pause.release();
    assert_eq!(units(in_hand.await.unwrap(), "shirt"), 2);
    assert!(matches!(gathered.await.unwrap(), Err(Failure::Unavailable)));
    assert_eq!(units(world.ask(user, view()).await, "shirt"), 2);
    assert_eq!(world.system.residents().0, 1);
}
