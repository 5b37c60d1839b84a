//! What a shop sells.

use cartwright::domain::catalog::{Product, Status};
use cartwright::domain::ids::{ProductId, Sku};
use cartwright::domain::money::{Currency, Money};
use cartwright::domain::stock::StockKey;
use cartwright::domain::time::Timestamp;
use cartwright::store::{Change, Commit, StockWrite, Store, WriteId};
use std::collections::BTreeMap;
use uuid::Uuid;

pub fn sku(name: &str) -> StockKey {
    StockKey::Sku(Sku::parse(name).unwrap())
}

pub fn product(name: &str, price: i64, at: Timestamp) -> Product {
    Product {
        id: ProductId::parse(name).unwrap(),
        sku: Sku::parse(name).unwrap(),
        name: name.to_owned(),
        description: String::new(),
        base_price: Money::new(price, Currency::USD).unwrap(),
        sale_price: None,
        status: Status::Active,
        brand_id: None,
        category_id: None,
        images: Vec::new(),
        attributes: BTreeMap::new(),
        variants: Vec::new(),
        created_at: at,
        updated_at: at,
    }
}

/// Sets what was received of a SKU in all.
pub async fn receive(store: &(impl Store + ?Sized), name: &str, units: u64, at: Timestamp) {
    receive_item(store, sku(name), units, at).await;
}

/// Sets what was received of a stock item in all.
pub async fn receive_item(store: &(impl Store + ?Sized), key: StockKey, units: u64, at: Timestamp) {
    let mut level = store.stock(key.clone()).await.unwrap();
    level.value.receive(units).unwrap();
    let write = StockWrite {
        level: level.value,
        holds: Vec::new(),
        at,
    };
    let commit = Commit {
        expected: level.version,
        write: WriteId(Uuid::from_u128(u128::from(units))),
        change: Change::Stock(key, write),
    };
    store.commit(commit).await.unwrap();
}
