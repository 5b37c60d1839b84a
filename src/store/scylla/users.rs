//! A user's partition: its rows, and how they are read.

use super::execute::Values;
use super::expiry::{self, live, ttl};
use super::{ScyllaStore, commits, head};
use crate::domain::account::{KEY_LIFE, KeyUse};
use crate::domain::cart::Cart;
use crate::domain::ids::{OrderId, UserId};
use crate::domain::order::Order;
use crate::store::encoding::{decode, encode};
use crate::store::{Result, UserRecord, UserWrite, Users, Version, Versioned};
use async_trait::async_trait;
use commits::{bind, text};
use futures::TryStreamExt;
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlValue;
use serde::de::DeserializeOwned;

/// The kinds of rows, in the order in which they lie.
mod kind {
    pub(super) const CART: i8 = 0;
    pub(super) const ACCOUNT: i8 = 1;
    pub(super) const ORDER: i8 = 2;
    pub(super) const ORDER_NUMBER: i8 = 3;
    pub(super) const KEY_USE: i8 = 4;
}

/// The key of the partition.
pub(super) fn key(id: UserId) -> Option<CqlValue> {
    Some(CqlValue::Uuid(id.0))
}

/// The rows of a commit.
pub(super) fn rows<'s>(
    store: &'s ScyllaStore,
    id: UserId,
    expected: Version,
    write: &UserWrite,
) -> Vec<(&'s PreparedStatement, Values)> {
    let statements = &store.statements;
    let values = |kind: i8, seq: u64, name: &str, value: Vec<u8>| -> Values {
        vec![
            key(id),
            Some(CqlValue::TinyInt(kind)),
            Some(CqlValue::BigInt(head::number(seq))),
            text(name),
            Some(CqlValue::Blob(value)),
        ]
    };
    let row = |kind, seq, name: &str, value| {
        let values = values(kind, seq, name, value);
        (&statements.user_row, values)
    };
    let mut rows = Vec::with_capacity(2 + 2 * write.orders.len() + write.keys.len());
    // Every partition begins with a row that always lives.
    let first = (expected == 0).then(Cart::default);
    if let Some(cart) = write.cart.as_deref().or(first.as_ref()) {
        rows.push(row(kind::CART, 0, "", encode(cart)));
    }
    if let Some(account) = &write.account {
        rows.push(row(kind::ACCOUNT, 0, "", encode(account)));
    }
    for order in &write.orders {
        let number = encode(&order.seq);
        rows.push(row(kind::ORDER, order.seq, "", encode(order)));
        rows.push(row(kind::ORDER_NUMBER, 0, &order.id.to_string(), number));
    }
    let now = store.now();
    for (name, used) in &write.keys {
        let expires_at = used.at.plus(KEY_LIFE);
        let end = [
            Some(CqlValue::BigInt(expires_at.0)),
            Some(CqlValue::Int(ttl(expires_at, now))),
        ];
        let values = bind([&values(kind::KEY_USE, 0, name, encode(used)), &end]);
        rows.push((&statements.user_expiring_row, values));
    }
    rows
}

impl ScyllaStore {
    async fn user_value<T: DeserializeOwned>(
        &self,
        id: UserId,
        kind: i8,
        seq: u64,
        name: &str,
    ) -> Result<Option<T>> {
        let key = (id.0, kind, head::number(seq), name);
        let found: Option<expiry::Stored> = self.row(&self.statements.user_value, key).await?;
        found.map_or(Ok(None), |stored| live(stored, self.now()))
    }
}

#[async_trait]
impl Users for ScyllaStore {
    async fn user(&self, id: UserId) -> Result<Versioned<UserRecord>> {
        let rows: Vec<(i8, Option<Vec<u8>>, Option<i64>)> =
            self.rows(&self.statements.user, (id.0,)).await?;
        let mut found = Versioned {
            version: 0,
            value: UserRecord::default(),
        };
        for (kind, value, version) in rows {
            found.version = head::version(version);
            match (kind, value) {
                (kind::CART, Some(value)) => found.value.cart = decode(&value)?,
                (kind::ACCOUNT, Some(value)) => found.value.account = Some(decode(&value)?),
                _ => {}
            }
        }
        Ok(found)
    }

    async fn order(&self, user: UserId, order: OrderId) -> Result<Option<Order>> {
        let id = order.to_string();
        match self.user_value(user, kind::ORDER_NUMBER, 0, &id).await? {
            Some(seq) => self.user_value(user, kind::ORDER, seq, "").await,
            None => Ok(None),
        }
    }

    async fn orders(&self, user: UserId, from: u64, limit: u32) -> Result<Vec<Order>> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        if limit == 0 {
            return Ok(Vec::new());
        }
        let values = (user.0, head::number(from), limit);
        let rows = self.stream::<(Vec<u8>,)>(&self.statements.orders, values);
        let orders = rows.await?;
        orders
            .and_then(|(value,)| async move { decode(&value) })
            .try_collect()
            .await
    }

    async fn key_use(&self, user: UserId, key: String) -> Result<Option<KeyUse>> {
        self.user_value(user, kind::KEY_USE, 0, &key).await
    }

    async fn order_owner(&self, order: OrderId) -> Result<Option<UserId>> {
        let found = self.row(&self.statements.owner, (order.0,)).await?;
        Ok(found.map(|(id,)| UserId(id)))
    }
}
