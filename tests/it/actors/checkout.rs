//! Orders: placed once, with the stock that they need, or not at all.

use crate::world::{World, order_request, soon};
use cartwright::actors::Failure;
use cartwright::domain::ids::UserId;
use cartwright::domain::order::Order;
use cartwright::domain::user::Rejection;
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
