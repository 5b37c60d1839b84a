//! What the servers are asked for, as the driver counts it: no more than the design needs.

use crate::world::{START, World, line_of, order_request, reached, soon, view};
use cartwright::domain::user::{Command, Request};
use cartwright::store::fault::{Op, Pause};
use cartwright::store::scylla::{Counts, ScyllaStore};
use cartwright::store::{Attempts, bucket};
use std::sync::atomic::{AtomicUsize, Ordering};

const NOTHING: Counts = Counts {
    conditional_writes: 0,
    serial_reads: 0,
    reads: 0,
    writes: 0,
};

/// Keeps what is done by the clock from the servers.
fn undisturbed(world: &World<ScyllaStore>) -> Pause {
    let by_clock = |op: &Op<'_>| matches!(op, Op::Read("roles" | "low_water" | "attempts"));
    world.store.pause(by_clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cart_change_is_one_conditional_write_and_no_read() {
    let Some((world, _keyspace)) = World::in_keyspace().await else {
        return;
    };
    let _undisturbed = undisturbed(&world);
    let user = world.user().await;
    let cart = world.add(user, "shirt", 3).await.unwrap();
    let (line, _) = line_of(&cart, "shirt").unwrap();
    let counts = || world.store.inner().counts();

    let before = counts();
    let set = Command::SetQuantity { line, quantity: 2 };
    world.ask(user, Request::of(set, 0)).await.unwrap();
    let one = Counts {
        conditional_writes: 1,
        ..NOTHING
    };
    assert_eq!(counts().since(&before), one);

    let before = counts();
    world.ask(user, view()).await.unwrap();
    assert_eq!(counts().since(&before), NOTHING);
}

/// The reservation and the order are awaited; the sale is written after the answer.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_waits_for_two_conditional_writes() {
    let Some((world, _keyspace)) = World::in_keyspace().await else {
        return;
    };
    let _undisturbed = undisturbed(&world);
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    let counts = || world.store.inner().counts();

    let before = counts();
    let asked_for_holds = AtomicUsize::new(0);
    let settlement = world.store.pause(move |op| {
        let is_holds = matches!(op, Op::Read("holds"));
        is_holds && asked_for_holds.fetch_add(1, Ordering::Relaxed) > 0
    });
    let removal = world.store.pause(|op| matches!(op, Op::RemoveAttempt(..)));
    world.ask(user, order_request(None)).await.unwrap();
    reached(&settlement).await;
    let awaited = Counts {
        conditional_writes: 2,
        serial_reads: 1,
        reads: 0,
        writes: 2,
    };
    assert_eq!(counts().since(&before), awaited);

    drop(settlement);
    reached(&removal).await;
    let settled = Counts {
        conditional_writes: 3,
        serial_reads: 2,
        ..awaited
    };
    assert_eq!(counts().since(&before), settled);

    drop(removal);
    world.system.stop(soon()).await;
    let left = world.store.inner().attempts(bucket(START)).await;
    assert_eq!(left, Ok(Vec::new()));
}
