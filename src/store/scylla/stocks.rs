//! A stock item's partition: its rows, and how they are read.

use super::execute::Values;
use super::expiry::{live, ttl};
use super::{ScyllaStore, commits, head};
use crate::domain::ids::OrderId;
use crate::domain::stock::{Hold, HoldState, StockKey, StockLevel};
use crate::store::encoding::{decode, encode};
use crate::store::{HOLD_LIFE, Result, StockWrite, Stocks, Versioned};
use async_trait::async_trait;
use commits::{bind, text};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlValue;
use std::collections::HashMap;
use uuid::Uuid;

/// The kinds of rows, in the order in which they lie.
mod kind {
    pub(super) const LEVEL: i8 = 0;
    pub(super) const HOLD: i8 = 1;
}

/// The most keys that one read names: ScyllaDB refuses more than 100.
const AT_ONCE: usize = 100;

fn item(key: &StockKey) -> (&'static str, &str) {
    match key {
        StockKey::Sku(sku) => ("sku", sku.as_str()),
        StockKey::Promotion(code) => ("promotion", code.as_str()),
    }
}

/// The key of the partition.
pub(super) fn key(of: &StockKey) -> [Option<CqlValue>; 2] {
    let (kind, name) = item(of);
    [text(kind), text(name)]
}

/// The rows of a commit. The counters are among them, so that every partition begins with a row
/// that always lives.
pub(super) fn rows<'s>(
    store: &'s ScyllaStore,
    of: &StockKey,
    write: &StockWrite,
) -> Vec<(&'s PreparedStatement, Values)> {
    let statements = &store.statements;
    let partition = key(of);
    let values = |kind: i8, order: Uuid, value: Vec<u8>| {
        let row = [
            Some(CqlValue::TinyInt(kind)),
            Some(CqlValue::Uuid(order)),
            Some(CqlValue::Blob(value)),
        ];
        bind([&partition, &row])
    };
    let mut rows = Vec::with_capacity(1 + write.holds.len());
    let level = values(kind::LEVEL, Uuid::nil(), encode(&write.level));
    rows.push((&statements.stock_row, level));
    let expires_at = write.at.plus(HOLD_LIFE);
    let end = [
        Some(CqlValue::BigInt(expires_at.0)),
        Some(CqlValue::Int(ttl(expires_at, store.now()))),
    ];
    for (order, hold) in &write.holds {
        let values = values(kind::HOLD, order.0, encode(hold));
        rows.push(match hold.state {
            HoldState::Held => (&statements.stock_row, values),
            HoldState::Sold | HoldState::Released => {
                (&statements.stock_expiring_row, bind([&values, &end]))
            }
        });
    }
    rows
}

#[async_trait]
impl Stocks for ScyllaStore {
    async fn stock(&self, key: StockKey) -> Result<Versioned<StockLevel>> {
        let found = self.row(&self.statements.stock, item(&key)).await?;
        let (version, value): (Option<i64>, Option<Vec<u8>>) = found.unwrap_or_default();
        let value = value.as_deref().map(decode).transpose()?;
        Ok(Versioned {
            version: head::version(version),
            value: value.unwrap_or_default(),
        })
    }

    async fn holds(&self, key: StockKey, orders: Vec<OrderId>) -> Result<Vec<Option<Hold>>> {
        let (kind, name) = item(&key);
        let now = self.now();
        let mut found: HashMap<Uuid, Option<Hold>> = HashMap::with_capacity(orders.len());
        for some in orders.chunks(AT_ONCE) {
            let some: Vec<Uuid> = some.iter().map(|order| order.0).collect();
            let values = (kind, name, some);
            let rows: Vec<(Uuid, Option<Vec<u8>>, Option<i64>)> =
                self.rows(&self.statements.holds, values).await?;
            for (order, value, expires_at) in rows {
                found.insert(order, live((value, expires_at), now)?);
            }
        }
        let hold = |order: &OrderId| found.get(&order.0).copied().flatten();
        Ok(orders.iter().map(hold).collect())
    }
}
