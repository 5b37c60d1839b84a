//! The stock of the shop that is killed: what is imported, and what must be left of it, read from
//! the store itself while no server has it.

use crate::history::Stock;
use cartwright::domain::ids::{OrderId, Sku};
use cartwright::domain::order::Attempt;
use cartwright::domain::stock::{HoldState, StockKey};
use cartwright::sources::{Clock, SystemClock};
use cartwright::store::embedded::{EmbeddedStore, Options};
use cartwright::store::{Attempts, Stocks, bucket};
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Products that are sold out in the two rounds in which they are asked for, and their units.
const SCARCE: usize = 25;
const FEW: u64 = 12;
/// Products that there is enough of.
const PLENTY: usize = 2;
const MANY: u64 = 1_000_000;

/// Every SKU, which is the product's id as well, and its units.
fn received() -> BTreeMap<String, u64> {
    let scarce = (0..SCARCE).map(|n| (format!("scarce-{n}"), FEW));
    scarce
        .chain((0..PLENTY).map(|n| (format!("plenty-{n}"), MANY)))
        .collect()
}

/// As NDJSON.
pub fn catalogue() -> String {
    let products = received().into_iter().map(|(id, units)| {
        json!({
            "type": "product", "id": id, "sku": id, "name": id, "stock": units,
            "base_price": {"amount": 333, "currency": "USD"},
        })
    });
    let tax = json!({"type": "tax_rate", "country": "US", "state": "NY", "rate": "8.75"});
    products
        .chain([tax])
        .map(|record| format!("{record}\n"))
        .collect()
}

/// What somebody may want in a round: half of all want the same.
pub fn product_of(round: usize, rng: &mut StdRng) -> String {
    if rng.random_bool(0.5) {
        format!("scarce-{}", round / 2 % SCARCE)
    } else {
        format!("plenty-{}", rng.random_range(0..PLENTY))
    }
}

/// A store that was killed: the counters add up, and what is held is held for an attempt.
pub async fn adds_up(dir: &Path) {
    let store = open(dir);
    let attempts = attempts(&store).await;
    for sku in received().keys() {
        let level = store.stock(key(sku)).await.unwrap().value;
        assert!(level.adds_up(), "{sku}: {level:?}");
        let mut held = 0;
        for attempt in &attempts {
            let hold = store.holds(key(sku), vec![attempt.order_id]).await.unwrap()[0];
            let hold = hold.filter(|hold| hold.state == HoldState::Held);
            held += hold.map_or(0, |hold| u64::from(hold.quantity));
        }
        assert_eq!(level.held, held, "{sku}");
    }
    store.close();
}

/// A store after a clean stop: everything was sold that these orders say, and nothing is held.
/// Returns the sums over all SKUs.
pub async fn settled(dir: &Path, sold: &BTreeMap<String, u64>, orders: &[String]) -> Stock {
    let mut stock = Stock::default();
    let store = open(dir);
    let orders: Vec<_> = orders
        .iter()
        .map(|id| OrderId::parse(id).unwrap())
        .collect();
    for (sku, received) in received() {
        let level = store.stock(key(&sku)).await.unwrap().value;
        let expected = sold.get(&sku).copied().unwrap_or(0);
        assert!(level.adds_up(), "{sku}: {level:?}");
        assert_eq!(
            (level.received, level.held, level.sold),
            (received, 0, expected),
            "{sku}"
        );
        stock.received += level.received;
        stock.available += level.available;
        stock.sold += level.sold;
        let holds = store.holds(key(&sku), orders.clone()).await.unwrap();
        let holds = holds.into_iter().flatten();
        let of_orders: u64 = holds
            .inspect(|hold| assert_eq!(hold.state, HoldState::Sold, "{sku}"))
            .map(|hold| u64::from(hold.quantity))
            .sum();
        assert_eq!(of_orders, expected, "{sku}");
    }
    assert_eq!(attempts(&store).await, []);
    store.close();
    stock
}

fn open(dir: &Path) -> EmbeddedStore {
    EmbeddedStore::open(dir, Arc::new(SystemClock), Options::default()).unwrap()
}

fn key(sku: &str) -> StockKey {
    StockKey::Sku(Sku::parse(sku).unwrap())
}

/// Every attempt at an order that has not ended, of the hour in which the test runs.
async fn attempts(store: &EmbeddedStore) -> Vec<Attempt> {
    let now = bucket(SystemClock.now());
    let mut all = Vec::new();
    for bucket in now - 60..=now + 1 {
        all.extend(store.attempts(bucket).await.unwrap());
    }
    all
}
