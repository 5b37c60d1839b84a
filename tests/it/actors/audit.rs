//! What must hold once nothing is under way any more.

use crate::world::{World, sku};
use cartwright::domain::ids::UserId;
use cartwright::domain::order::{Attempt, Order};
use cartwright::domain::stock::StockKey;
use cartwright::store::{Store, bucket};
use futures::future::try_join_all;
use std::collections::{BTreeMap, BTreeSet};

/// Minutes around now in which a test leaves attempts.
const AROUND: i64 = 90;

/// A user's orders as they are stored, oldest first.
pub async fn orders(world: &World<impl Store>, user: UserId) -> Vec<Order> {
    let store = world.store.inner();
    let mut orders = store.orders(user, 1_000_000, 1_000).await.unwrap();
    orders.reverse();
    orders
}

/// The attempts that are recorded.
pub async fn attempts(world: &World<impl Store>) -> Vec<Attempt> {
    let now = bucket(cartwright::sources::Clock::now(&*world.clock));
    let buckets = now - AROUND..now + AROUND;
    let found = buckets.map(|bucket| world.store.inner().attempts(bucket));
    try_join_all(found).await.unwrap().concat()
}

/// The books balance: no attempt is left, orders count 1, 2, 3 … and are all different, and of
/// every item what was received is available or sold, and sold is what the orders say.
pub async fn assert_books(world: &World<impl Store>, users: &[UserId]) {
    assert_eq!(attempts(world).await, [], "no attempt is left");
    let mut sold: BTreeMap<StockKey, u64> =
        ["shirt", "mug", "poster"].map(|name| (sku(name), 0)).into();
    let mut ids = BTreeSet::new();
    for user in users {
        for (at, order) in orders(world, *user).await.iter().enumerate() {
            assert_eq!(order.seq, at as u64 + 1, "the orders of a user have no gap");
            assert!(ids.insert(order.id), "an order is there once");
            for line in &order.lines {
                let units = sold.entry(StockKey::Sku(line.sku.clone())).or_default();
                *units += u64::from(line.quantity);
            }
            for code in &order.promotion_codes {
                *sold.entry(StockKey::Promotion(code.clone())).or_default() += 1;
            }
        }
    }
    for (key, sold) in sold {
        let level = world.store.inner().stock(key.clone()).await.unwrap().value;
        // A promotion without a limit in all is not counted.
        if matches!(key, StockKey::Sku(_)) || level.received > 0 {
            assert_eq!((level.held, level.sold), (0, sold), "{key}: {level:?}");
            assert!(level.adds_up(), "{key}: {level:?}");
        }
    }
}
