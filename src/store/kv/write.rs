//! Writes: made ready by the caller (keys and values as bytes), then applied by the one writer,
//! whose time is the scarce one.

use super::keys::{Row, row};
use super::log::{self, Logged};
use super::{Table, Tx, expiry, head, keys};
use crate::domain::account::KEY_LIFE;
use crate::domain::ids::{OrderId, UserId};
use crate::domain::order::Attempt;
use crate::domain::stock::{Hold, HoldState};
use crate::domain::time::Timestamp;
use crate::store::encoding::{decode, encode};
use crate::store::{
    Bucket, CatalogRow, Change, Commit, HOLD_LIFE, LOGIN_KEPT, NODE_KEPT, Result, StockWrite,
    UserWrite, Version, WriteId, bucket,
};
use serde::{Deserialize, Serialize};

/// A write that is ready to be applied. Whoever stores it has to keep its format, in which a test
/// holds it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Write {
    /// A commit.
    Conditional {
        /// The head of its partition.
        #[serde(with = "serde_bytes")]
        head: Vec<u8>,
        /// The version that it rests on.
        expected: Version,
        /// Its name.
        write: WriteId,
        /// What it writes besides.
        puts: Vec<Put>,
    },
    /// Rows, whatever there was.
    Puts(Vec<Put>),
    /// Catalogue records, and their entries in the log.
    Catalog(Vec<Logged>),
    /// One row less.
    Delete(Table, #[serde(with = "serde_bytes")] Vec<u8>),
    /// A low-water mark that only rises.
    RaiseLowWater(Bucket),
}

/// A row to write.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Put {
    table: Table,
    #[serde(with = "serde_bytes")]
    key: Vec<u8>,
    #[serde(with = "serde_bytes")]
    value: Vec<u8>,
}

impl Write {
    /// The rows of a commit.
    pub(super) fn commit(commit: &Commit) -> Self {
        let prefix = keys::partition(&commit.change.partition());
        let puts = match &commit.change {
            Change::User(_, write) => user(&prefix, write),
            Change::Stock(_, write) => stock(&prefix, write),
            Change::Claim(_, claim) | Change::Subject(_, claim) => {
                vec![value(&prefix, encode(claim))]
            }
            Change::Login(_, write) => {
                expiring_value(&prefix, &write.pending, write.at.plus(LOGIN_KEPT))
            }
            Change::Node(_, write) => expiring_value(&prefix, &write.row, write.at.plus(NODE_KEPT)),
            Change::View(view) => vec![value(&prefix, encode(view))],
            Change::Administrators(users) => vec![value(&prefix, encode(users))],
            Change::Roles(book) => vec![value(&prefix, encode(book))],
        };
        Self::Conditional {
            head: row(&prefix, Row::Head),
            expected: commit.expected,
            write: commit.write,
            puts,
        }
    }

    /// No rows at all.
    pub(crate) fn nothing() -> Self {
        Self::Puts(Vec::new())
    }

    /// The rows of an attempt.
    pub(super) fn attempt(attempt: &Attempt) -> Self {
        let key = keys::attempt(bucket(attempt.created_at), attempt.order_id);
        Self::Puts(vec![
            owner(attempt.order_id, attempt.user_id),
            Put {
                table: Table::Attempts,
                key,
                value: encode(attempt),
            },
        ])
    }

    /// The end of an attempt.
    pub(super) fn attempt_removed(bucket: Bucket, order: OrderId) -> Self {
        Self::Delete(Table::Attempts, keys::attempt(bucket, order))
    }

    /// The rows of catalogue records.
    pub(super) fn catalog(rows: &[CatalogRow]) -> Self {
        let logged = |row: &CatalogRow| Logged {
            key: keys::catalog(&row.key()),
            value: match row {
                CatalogRow::Currency(currency) => encode(currency),
                CatalogRow::Category(category) => encode(category),
                CatalogRow::Brand(brand) => encode(brand),
                CatalogRow::Product(product) => encode(product),
                CatalogRow::TaxRate(rate) => encode(rate),
                CatalogRow::ShippingMethod(method) => encode(method),
                CatalogRow::Promotion(promotion) => encode(promotion),
            },
            entry: encode(&row.key()),
        };
        Self::Catalog(rows.iter().map(logged).collect())
    }
}

fn in_partition(key: Vec<u8>, value: Vec<u8>) -> Put {
    Put {
        table: Table::Partitions,
        key,
        value,
    }
}

fn value(prefix: &[u8], bytes: Vec<u8>) -> Put {
    in_partition(row(prefix, Row::Value), bytes)
}

fn owner(order: OrderId, user: UserId) -> Put {
    Put {
        table: Table::Owners,
        key: order.0.as_bytes().to_vec(),
        value: encode(&user),
    }
}

fn user(prefix: &[u8], write: &UserWrite) -> Vec<Put> {
    let mut puts = Vec::with_capacity(2 + 2 * write.orders.len() + 2 * write.keys.len());
    if let Some(account) = &write.account {
        puts.push(value(prefix, encode(account)));
    }
    if let Some(cart) = &write.cart {
        puts.push(in_partition(row(prefix, Row::Cart), encode(cart)));
    }
    for order in &write.orders {
        let place = row(prefix, Row::OrderRef(order.id));
        puts.push(in_partition(
            row(prefix, Row::Order(order.seq)),
            encode(order),
        ));
        puts.push(in_partition(place, encode(&order.seq)));
    }
    for (key, used) in &write.keys {
        let expires_at = used.at.plus(KEY_LIFE);
        let bytes = expiry::encode(expires_at, used);
        expiring(&mut puts, row(prefix, Row::KeyUse(key)), expires_at, bytes);
    }
    puts
}

fn stock(prefix: &[u8], write: &StockWrite) -> Vec<Put> {
    let mut puts = Vec::with_capacity(1 + 2 * write.holds.len());
    puts.push(value(prefix, encode(&write.level)));
    for (order, hold) in &write.holds {
        let expires_at = hold_expires_at(hold, write.at);
        let bytes = expiry::encode(expires_at, hold);
        expiring(&mut puts, row(prefix, Row::Hold(*order)), expires_at, bytes);
    }
    puts
}

fn expiring_value(prefix: &[u8], value: &impl Serialize, expires_at: Timestamp) -> Vec<Put> {
    let mut puts = Vec::with_capacity(2);
    let bytes = expiry::encode(expires_at, value);
    expiring(&mut puts, row(prefix, Row::Value), expires_at, bytes);
    puts
}

fn hold_expires_at(hold: &Hold, at: Timestamp) -> Timestamp {
    match hold.state {
        HoldState::Held => expiry::NEVER,
        HoldState::Sold | HoldState::Released => at.plus(HOLD_LIFE),
    }
}

fn expiring(puts: &mut Vec<Put>, key: Vec<u8>, expires_at: Timestamp, bytes: Vec<u8>) {
    if expires_at != expiry::NEVER {
        puts.push(Put {
            table: Table::Expiry,
            key: keys::expiry(expires_at, &key),
            value: Vec::new(),
        });
    }
    puts.push(in_partition(key, bytes));
}

/// Applies a write. Fails with [`Conflict`](crate::store::Error::Conflict) or
/// [`Corrupt`](crate::store::Error::Corrupt) before it has changed anything; after any other
/// failure `tx` must be given up.
pub(crate) fn apply(tx: &mut dyn Tx, write: &Write) -> Result<()> {
    match write {
        Write::Conditional {
            head: key,
            expected,
            write,
            puts,
        } => {
            let mut next = None;
            tx.get(Table::Partitions, key, &mut |stored| {
                next = Some(head::next(stored, *expected, *write)?);
                Ok(())
            })?;
            let next = match next {
                Some(next) => next,
                None => head::next(&[], *expected, *write)?,
            };
            tx.put(Table::Partitions, key, &next)?;
            put_all(tx, puts)
        }
        Write::Puts(puts) => put_all(tx, puts),
        Write::Catalog(rows) => log::put(tx, rows),
        Write::Delete(table, key) => tx.delete(*table, key),
        Write::RaiseLowWater(bucket) => {
            let mut stands = false;
            tx.get(Table::Meta, keys::LOW_WATER, &mut |stored| {
                stands = decode::<Bucket>(stored)? >= *bucket;
                Ok(())
            })?;
            if stands {
                return Ok(());
            }
            tx.put(Table::Meta, keys::LOW_WATER, &encode(bucket))
        }
    }
}

fn put_all(tx: &mut dyn Tx, puts: &[Put]) -> Result<()> {
    puts.iter()
        .try_for_each(|put| tx.put(put.table, &put.key, &put.value))
}

/// The most expired rows that one transaction removes: a bound on what it pays, and far more than
/// transactions add on average, so that the sweep keeps up.
const SWEPT_AT_ONCE: usize = 512;

/// Removes some of what has expired at `now`.
pub(crate) fn sweep(tx: &mut dyn Tx, now: Timestamp) -> Result<()> {
    expiry::sweep(tx, now, SWEPT_AT_ONCE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    /// Journals hold these bytes: a change of them takes another format of journals.
    #[test]
    fn the_bytes_are_those_that_journals_hold() {
        let put = |key: u8| Put {
            table: Table::Owners,
            key: vec![key],
            value: vec![key, 0],
        };
        let conditional = Write::Conditional {
            head: vec![9],
            expected: 300,
            write: WriteId(Uuid::from_u128(5)),
            puts: vec![put(1)],
        };
        let logged = Logged {
            key: vec![2],
            value: vec![3],
            entry: vec![4],
        };
        let writes = [
            conditional,
            Write::Puts(vec![put(6), put(7)]),
            Write::Catalog(vec![logged]),
            Write::Delete(Table::Attempts, vec![8]),
            Write::RaiseLowWater(10),
        ];
        let bytes = writes.map(|write| {
            let bytes = postcard::to_allocvec(&write).unwrap();
            let bytes = bytes.iter().map(|byte| format!("{byte:02x}"));
            bytes.collect::<String>()
        });
        assert_eq!(
            bytes,
            [
                "000109ac02100000000000000000000000000000000501010101020100",
                "0102010106020600010107020700",
                "0201010201030104",
                "03020108",
                "0414",
            ]
        );
    }
}
