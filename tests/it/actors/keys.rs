//! An idempotency key takes effect once, wherever and however often its request is made.

use crate::world::{
    World, add, all_quiet, commit_of, first, keyed, order_request, soon, units, view,
};
use cartwright::actors::Failure;
use cartwright::domain::user::{IfMatch, Key, Rejection, Request};
use cartwright::store::fault::Op;
use futures::future::join_all;
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

fn adding(quantity: i64) -> Request {
    Request::of(add("shirt", quantity), 0)
}

fn refusal<T>(answer: Result<T, Failure>) -> Rejection {
    match answer {
        Err(Failure::Rejected(rejection)) => rejection,
        Err(other) => panic!("failed instead: {other:?}"),
        Ok(_) => panic!("not refused"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_request_again_is_replayed_without_a_second_effect() {
    let world = World::new().await;
    let user = world.user().await;
    let done = world.ask(user, keyed(adding(2), "k")).await.unwrap();
    assert!(!done.replayed);
    let version = world.stored(user).await.version;
    let again = world.ask(user, keyed(adding(2), "k")).await.unwrap();
    assert!(again.replayed);
    assert_eq!(units(Ok(again), "shirt"), 2);
    assert_eq!(world.stored(user).await.version, version);
    // The resource as it is now.
    world.add(user, "shirt", 1).await.unwrap();
    let again = world.ask(user, keyed(adding(2), "k")).await;
    assert_eq!(units(again, "shirt"), 3);
}

#[tokio::test(start_paused = true)]
async fn of_twenty_at_once_one_takes_effect() {
    let world = World::new().await;
    let user = world.user().await;
    let asks = (0..20).map(|_| world.ask(user, keyed(adding(2), "k")));
    let replies = join_all(asks).await;
    let replayed = replies
        .iter()
        .filter(|reply| reply.as_ref().unwrap().replayed);
    assert_eq!(replayed.count(), 19);
    assert_eq!(units(world.ask(user, view()).await, "shirt"), 2);
}

#[tokio::test(start_paused = true)]
async fn of_twenty_orders_at_once_one_is_placed_and_all_get_it() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    let asks = (0..20).map(|_| world.ask(user, order_request(Some("k"))));
    let orders: Vec<_> = join_all(asks)
        .await
        .into_iter()
        .map(|reply| reply.unwrap().into_order().unwrap().id)
        .collect();
    assert!(orders.iter().all(|order| *order == orders[0]));
    all_quiet().await;
    let stock = world.stock("shirt").await;
    assert_eq!((stock.held, stock.sold), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_replay_waits_for_the_commit_of_its_first() {
    let world = World::new().await;
    let user = world.user().await;
    let pause = world.store.pause(commit_of(user));
    let done = world.spawn(user, keyed(adding(2), "k"));
    pause.reached(1).await;
    let replay = world.spawn(user, keyed(adding(2), "k"));
    all_quiet().await;
    assert!(!replay.is_finished());
    pause.release();
    assert!(!done.await.unwrap().unwrap().replayed);
    assert!(replay.await.unwrap().unwrap().replayed);
}

#[tokio::test(start_paused = true)]
async fn another_request_with_the_key_is_refused_by_memory_and_by_the_store() {
    let world = World::new().await;
    let user = world.user().await;
    world.ask(user, keyed(adding(2), "k")).await.unwrap();
    let key = Some(Key {
        key: "k".into(),
        fingerprint: [8; 32],
    });
    let other = Request { key, ..adding(2) };
    let refused = refusal(world.ask(user, other.clone()).await);
    assert_eq!(refused, Rejection::KeyReused);
    let restarted = world.sibling(2).await;
    let refused = refusal(restarted.ask(user, other).await);
    assert_eq!(refused, Rejection::KeyReused);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_honoured_by_a_new_actor_and_is_one_users_own() {
    let world = World::new().await;
    let (ann, bob) = (world.user().await, world.user().await);
    world.ask(ann, keyed(adding(2), "k")).await.unwrap();
    world.system.stop(soon()).await;
    let restarted = world.sibling(2).await;
    let again = restarted.ask(ann, keyed(adding(2), "k")).await.unwrap();
    assert!(again.replayed);
    assert_eq!(units(Ok(again), "shirt"), 2);
    let own = restarted.ask(bob, keyed(adding(2), "k")).await.unwrap();
    assert!(!own.replayed);
}

#[tokio::test(start_paused = true)]
async fn a_key_ends_after_24_hours_and_takes_effect_anew() {
    let world = World::new().await;
    let user = world.user().await;
    world.ask(user, keyed(adding(2), "k")).await.unwrap();
    world.clock.advance(24 * HOUR - Duration::from_millis(1));
    assert!(
        world
            .ask(user, keyed(adding(2), "k"))
            .await
            .unwrap()
            .replayed
    );
    let restarted = world.sibling(2).await;
    assert!(
        restarted
            .ask(user, keyed(adding(2), "k"))
            .await
            .unwrap()
            .replayed
    );
    world.clock.advance(Duration::from_millis(1));
    let anew = restarted.ask(user, keyed(adding(2), "k")).await.unwrap();
    assert!(!anew.replayed);
    assert_eq!(units(Ok(anew), "shirt"), 4);
    // And is honoured for its own 24 hours, in memory and in the store.
    world.clock.advance(23 * HOUR);
    assert!(
        restarted
            .ask(user, keyed(adding(2), "k"))
            .await
            .unwrap()
            .replayed
    );
    let again = world.sibling(3).await;
    let replay = again.ask(user, keyed(adding(2), "k")).await.unwrap();
    assert!(replay.replayed);
    assert_eq!(units(Ok(replay), "shirt"), 4);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_live_keys_are_the_most_until_they_expire() {
    let world = World::new().await;
    let user = world.user().await;
    for batch in 0..10 {
        let keys = (0..100).map(|at| format!("k{}", batch * 100 + at));
        let asks = keys.map(|key| {
            let world = &world;
            async move { world.ask(user, keyed(Request::of(clear(), 0), &key)).await }
        });
        for done in join_all(asks).await {
            done.unwrap();
        }
    }
    let refused = refusal(world.ask(user, keyed(adding(1), "more")).await);
    assert_eq!(refused, Rejection::TooManyKeys);
    let restarted = world.sibling(2).await;
    let refused = refusal(restarted.ask(user, keyed(adding(1), "more")).await);
    assert_eq!(refused, Rejection::TooManyKeys);
    // A known key is still honoured, and requests without one go on.
    let clearing = keyed(Request::of(clear(), 0), "k0");
    assert!(restarted.ask(user, clearing).await.unwrap().replayed);
    restarted.add(user, "shirt", 1).await.unwrap();
    world.clock.advance(25 * HOUR);
    assert_eq!(
        units(restarted.ask(user, keyed(adding(1), "more")).await, "shirt"),
        2
    );
    assert_eq!(
        units(world.ask(user, keyed(adding(1), "most")).await, "shirt"),
        3
    );
    let account = world.stored(user).await.value.account.unwrap();
    assert_eq!(
        account.key_counts.values().sum::<u32>(),
        2,
        "counts are kept"
    );
}

fn clear() -> cartwright::domain::user::Command {
    cartwright::domain::user::Command::ClearCart
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_does_not_burn_its_key() {
    let world = World::new().await;
    let user = world.user().await;
    let refused = refusal(world.ask(user, keyed(adding(101), "k")).await);
    assert!(matches!(refused, Rejection::OutOfStock { .. }));
    crate::world::receive(world.store.inner(), "shirt", 200, world.sources.clock.now()).await;
    let owner = world.sibling(2).await;
    let done = owner.ask(user, keyed(adding(101), "k")).await.unwrap();
    assert!(!done.replayed);
    assert_eq!(units(Ok(done), "shirt"), 101);
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_fails_takes_no_effect() {
    let world = World::new().await;
    let user = world.user().await;
    world.ask(user, keyed(adding(2), "k")).await.unwrap();
    let owner = world.sibling(2).await;
    owner.store.script(|op| {
        let is_look_up = matches!(op, Op::Read("key_use"));
        is_look_up.then_some(cartwright::store::fault::Fault::Refused)
    });
    let failed = owner.ask(user, keyed(adding(2), "k")).await;
    assert!(matches!(failed, Err(Failure::Unavailable)));
    assert_eq!(units(owner.ask(user, view()).await, "shirt"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_another_owner_used_while_an_order_was_reserved_places_no_second_one() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    let other = world.sibling(2).await;
    let pause = world
        .store
        .pause(first(|op| matches!(op, Op::PutAttempt(_))));
    let here = world.spawn(user, order_request(Some("k")));
    pause.reached(1).await;
    // The other owner places the order. Then the cart gets the line back as it was ordered, as
    // where it had grown while that order was being reserved.
    let there = other.order(user, Some("k")).await.unwrap();
    let mut cart = world.stored(user).await.value.cart;
    cart.lines = vec![line_as_ordered(&there)];
    put_cart(&world, user, cart).await;
    // This owner learns of it by a conflict, and only then goes on with its reservation.
    world.add(user, "mug", 1).await.unwrap();
    pause.release();
    let here = here.await.unwrap().unwrap();
    assert!(here.replayed);
    assert_eq!(here.into_order().unwrap().id, there.id);
    let account = world.stored(user).await.value.account.unwrap();
    assert_eq!(account.order_seq, 1);
}

fn line_as_ordered(order: &cartwright::domain::order::Order) -> cartwright::domain::cart::Line {
    let ordered = order.lines[0].clone();
    cartwright::domain::cart::Line {
        id: ordered.id,
        product_id: ordered.product_id,
        variant_id: None,
        sku: ordered.sku,
        name: ordered.name,
        price: ordered.unit_price,
        quantity: ordered.quantity,
        attributes: ordered.attributes,
    }
}

async fn put_cart(
    world: &World,
    user: cartwright::domain::ids::UserId,
    cart: cartwright::domain::cart::Cart,
) {
    use cartwright::store::{Change, Commit, Commits, UserWrite, WriteId};
    let write = UserWrite {
        cart: Some(Arc::new(cart)),
        ..UserWrite::default()
    };
    let commit = Commit {
        expected: world.stored(user).await.version,
        write: WriteId(uuid::Uuid::nil()),
        change: Change::User(user, write),
    };
    world.store.inner().commit(commit).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_order_is_judged_by_if_match_and_token_when_it_is_placed() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    let pause = world
        .store
        .pause(first(|op| matches!(op, Op::PutAttempt(_))));
    let conditional = Request {
        if_match: IfMatch::Revisions(vec![1]),
        ..order_request(None)
    };
    let order = world.spawn(user, conditional);
    pause.reached(1).await;
    world.add(user, "mug", 1).await.unwrap();
    pause.release();
    assert_eq!(refusal(order.await.unwrap()), Rejection::PreconditionFailed);

    let pause = world
        .store
        .pause(first(|op| matches!(op, Op::PutAttempt(_))));
    let order = world.spawn(user, order_request(None));
    pause.reached(1).await;
    let logout = Request::of(cartwright::domain::user::Command::Logout, 0);
    world.ask(user, logout).await.unwrap();
    pause.release();
    assert_eq!(refusal(order.await.unwrap()), Rejection::Unauthenticated);
    all_quiet().await;
    let stock = world.stock("shirt").await;
    assert_eq!((stock.available, stock.held, stock.sold), (100, 0, 0));
}

/// The first copy of a request hangs at a node that its asker gave up on; the retry at another is
/// refused. Were the version not moved first, the copy could still take effect.
#[tokio::test(start_paused = true)]
async fn a_refusal_of_a_retry_is_preceded_by_a_fence() {
    let world = World::new().await;
    let user = world.user().await;
    let hung = world.store.pause(commit_of(user));
    let in_a_second = tokio::time::Instant::now() + Duration::from_secs(1);
    let given_up = world.spawn_until(user, keyed(adding(2), "k"), in_a_second);
    hung.reached(1).await;
    let other = world.another(2).await;
    let rich = other.user().await;
    other
        .ask(rich, Request::of(add("shirt", 100), 0))
        .await
        .unwrap();
    other.order(rich, None).await.unwrap();
    assert!(given_up.await.unwrap().is_err());
    let refused = other.ask(user, keyed(adding(2), "k")).await;
    let out_of_stock = Rejection::OutOfStock {
        sku: "shirt".into(),
        available: 0,
    };
    assert_eq!(refusal(refused), out_of_stock);
    hung.release();
    all_quiet().await;
    assert!(world.stored(user).await.value.cart.lines.is_empty());
}
