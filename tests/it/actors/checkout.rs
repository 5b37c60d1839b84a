//! Orders: placed once, with the stock that they need, or not at all.

use super::audit::attempts;
use super::checkout_crash::order_commit;
use crate::world::{World, all_quiet, in_order, order_request, soon};
use cartwright::actors::Failure;
use cartwright::domain::ids::UserId;
use cartwright::domain::order::Order;
use cartwright::domain::stock::HoldState;
use cartwright::domain::user::Rejection;
use cartwright::store::fault::{Fault, Op};
use cartwright::store::{Change, Commit};
use futures::future::join_all;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Orders what is in the cart, beside the test.
pub fn ask_order(
    world: &World,
    user: UserId,
    key: Option<&str>,
) -> JoinHandle<Result<Arc<Order>, Failure>> {
    let (users, request) = (world.users.clone(), order_request(key));
    tokio::spawn(async move { users.ask(user, request, soon()).await?.into_order() })
}

#[tokio::test(start_paused = true)]
async fn an_order_takes_its_lines_and_its_stock() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    let order = world.order(user, Some("k1")).await.unwrap();
    assert_eq!(order.seq, 1);
    assert!(world.cart(user).await.unwrap().cart.lines.is_empty());
    let again = world
        .users
        .ask(user, order_request(Some("k1")), soon())
        .await
        .unwrap();
    assert!(again.replayed);
    assert_eq!(again.into_order().unwrap().id, order.id);
    world.system.stop(soon()).await;
    let stock = world.stock("shirt").await;
    assert_eq!((stock.available, stock.held, stock.sold), (98, 0, 2));
}

#[tokio::test(start_paused = true)]
async fn of_300_buyers_of_the_last_ten_units_ten_get_one() {
    let world = World::new().await;
    let users: Vec<UserId> = join_all((0..300).map(|_| world.user())).await;
    for user in &users {
        world.add(*user, "mug", 1).await.unwrap();
    }
    // Ninety units go first.
    let rich = world.user().await;
    world.add(rich, "mug", 90).await.unwrap();
    world.order(rich, None).await.unwrap();
    let orders = join_all(users.iter().map(|user| world.order(*user, None))).await;
    let placed = orders.iter().filter(|order| order.is_ok()).count();
    let refused = orders
        .iter()
        .filter(|order| {
            matches!(
                order,
                Err(Failure::Rejected(Rejection::OutOfStock {
                    available: 0,
                    ..
                }))
            )
        })
        .count();
    assert_eq!((placed, refused), (10, 290));
    world.system.stop(soon()).await;
    let stock = world.stock("mug").await;
    assert_eq!((stock.available, stock.held, stock.sold), (0, 0, 100));
}

/// Whether it ends holds in this state.
fn settles(op: &Op<'_>, state: HoldState) -> bool {
    let Op::Commit(Commit { change, .. }) = op else {
        return false;
    };
    matches!(change, Change::Stock(_, write) if write.holds.iter().any(|(_, hold)| hold.state == state))
}

#[tokio::test(start_paused = true)]
async fn what_an_order_that_failed_holds_is_released_at_the_next_try() {
    let world = World::new().await;
    let (ann, bob) = (world.user().await, world.user().await);
    for (user, name, units) in [(ann, "shirt", 1), (ann, "mug", 100), (bob, "mug", 1)] {
        world.add(user, name, units).await.unwrap();
    }
    world.order(bob, None).await.unwrap();
    let refusals = [Fault::Refused, Fault::Refused];
    world
        .store
        .script(in_order(|op| settles(op, HoldState::Released), refusals));
    let refused = world.order(ann, None).await.unwrap_err();
    assert!(
        matches!(&refused, Failure::Rejected(Rejection::OutOfStock { sku, .. }) if sku == "mug")
    );
    // The clock of recovery stands: whoever held it gives it back.
    all_quiet().await;
    assert_eq!(world.store.injected(), 2);
    assert_eq!(world.stock("shirt").await.held, 0);
    assert_eq!(attempts(&world).await, []);
    world.system.stop(soon()).await;
}

#[tokio::test(start_paused = true)]
async fn a_repeated_order_is_not_refused_for_want_of_what_its_first_attempt_still_holds() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "mug", 100).await.unwrap();
    let mut orders_fail = 1;
    let mut releases_fail = 3;
    world.store.script(move |op| {
        let left = match op {
            op if order_commit(op) => &mut orders_fail,
            op if settles(op, HoldState::Released) => &mut releases_fail,
            _ => return None,
        };
        *left -= 1;
        (*left >= 0).then_some(Fault::Refused)
    });
    let failed = world.order(user, Some("order")).await;
    assert!(matches!(failed, Err(Failure::Unavailable)), "{failed:?}");
    let placed = world.order(user, Some("order")).await.unwrap();
    assert_eq!(world.store.injected(), 4);
    all_quiet().await;
    let level = world.stock("mug").await;
    assert_eq!((level.available, level.held, level.sold), (0, 0, 100));
    assert_eq!(attempts(&world).await, []);
    drop(placed);
    world.system.stop(soon()).await;
}
