//! Two owners of one user: whoever loses the version decides again, and nobody's change is lost.

use crate::world::{World, add, all_quiet, commit_of, first, keyed, units, view};
use cartwright::actors::Failure;
use cartwright::domain::user::{IfMatch, Rejection, Request};
use cartwright::store::fault::Fault;
use futures::future::join_all;
use std::time::Duration;

fn adding(name: &str, quantity: i64) -> Request {
    Request::of(add(name, quantity), 0)
}

#[tokio::test(start_paused = true)]
async fn what_another_owner_wrote_is_neither_lost_nor_done_twice() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 1).await.unwrap();
    let other = world.sibling(2).await;
    other.add(user, "mug", 2).await.unwrap();
    // Each is stale by one change now.
    let cart = world.add(user, "shirt", 3).await.unwrap();
    assert_eq!(cart.cart.revision, 3);
    let cart = other.add(user, "poster", 4).await.unwrap();
    assert_eq!(cart.cart.revision, 4);
    let stored = world.stored(user).await.value.cart;
    assert_eq!(stored, *cart.cart);
    let units: Vec<u32> = stored.lines.iter().map(|line| line.quantity).collect();
    assert_eq!(units, [4, 2, 4]);
}

#[tokio::test(start_paused = true)]
async fn two_busy_owners_do_every_change_once() {
    let world = World::new().await;
    let user = world.user().await;
    let other = world.sibling(2).await;
    let is_commit = commit_of(user);
    let mut turn = 0;
    world.store.script(move |op| {
        is_commit(op).then(|| {
            turn += 1;
            Fault::Slow(Duration::from_millis(turn % 7))
        })
    });
    let adds = (0..40).map(|at| {
        let owner = if at % 2 == 0 { &world } else { &other };
        async move {
            tokio::time::sleep(Duration::from_millis(at % 11)).await;
            owner.ask(user, adding("shirt", 1)).await
        }
    });
    for added in join_all(adds).await {
        added.unwrap();
    }
    let stored = world.stored(user).await.value.cart;
    assert_eq!((stored.lines[0].quantity, stored.revision), (40, 40));
}

#[tokio::test(start_paused = true)]
async fn what_gathered_behind_a_conflict_is_decided_again() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 1).await.unwrap();
    let other = world.sibling(2).await;
    let pause = world.store.pause(first(commit_of(user)));
    let carried = world.spawn(user, adding("shirt", 1));
    pause.reached(1).await;
    let gathered = world.spawn(user, adding("mug", 1));
    all_quiet().await;
    // True of the speculative cart of this owner, and of no cart that ever came to be.
    let if_match = IfMatch::Revisions(vec![3]);
    let conditional = Request {
        if_match,
        ..adding("poster", 1)
    };
    let conditional = world.spawn(user, conditional);
    let read = world.spawn(user, view());
    all_quiet().await;
    for _ in 0..3 {
        other.add(user, "shirt", 10).await.unwrap();
    }
    pause.release();
    assert_eq!(units(carried.await.unwrap(), "shirt"), 32);
    assert_eq!(units(gathered.await.unwrap(), "mug"), 1);
    let refusal = conditional.await.unwrap();
    assert!(matches!(
        refusal,
        Err(Failure::Rejected(Rejection::PreconditionFailed))
    ));
    // Of before or after the change that it was behind, and of nothing that never was.
    assert!([31, 32].contains(&units(read.await.unwrap(), "shirt")));
    let stored = world.stored(user).await.value.cart;
    assert_eq!((stored.lines.len(), stored.revision), (2, 6));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_took_effect_at_another_owner_is_replayed_after_the_conflict() {
    let world = World::new().await;
    let user = world.user().await;
    let other = world.sibling(2).await;
    let pause = world.store.pause(first(commit_of(user)));
    let here = world.spawn(user, keyed(adding("shirt", 1), "k"));
    pause.reached(1).await;
    let there = other.ask(user, keyed(adding("shirt", 1), "k")).await;
    assert!(!there.unwrap().replayed);
    pause.release();
    let here = here.await.unwrap().unwrap();
    assert!(here.replayed);
    assert_eq!(units(Ok(here), "shirt"), 1);
}
