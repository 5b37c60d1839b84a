//! Rows with an end: the value begins with the time at which it expires, and an index lists them
//! by that time. The index alone never decides: a row that was written again has another time.

use super::{Direction, Read, Table, Tx, keys};
use crate::domain::time::Timestamp;
use crate::store::{Error, Result, encoding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::ControlFlow;

/// The time of rows that stay.
pub(super) const NEVER: Timestamp = Timestamp(i64::MAX);

/// The bytes of a value with its end.
pub(super) fn encode<T: Serialize>(expires_at: Timestamp, value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(96);
    bytes.extend_from_slice(&expires_at.0.to_be_bytes());
    encoding::append(bytes, value)
}

/// The value without its end.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let (_, value) = split(bytes)?;
    encoding::decode(value)
}

fn split(bytes: &[u8]) -> Result<(Timestamp, &[u8])> {
    let (time, value) = bytes
        .split_first_chunk()
        .ok_or_else(|| Error::Corrupt("a row that expires has no time".to_owned()))?;
    Ok((Timestamp(i64::from_be_bytes(*time)), value))
}

/// Removes rows that have expired at `now`, looking at no more than `limit` entries of the index.
pub(super) fn sweep(tx: &mut dyn Tx, now: Timestamp, limit: usize) -> Result<()> {
    for entry in due(tx, now, limit)? {
        let row = keys::expiring_row(&entry);
        let mut expired = false;
        tx.get(Table::Partitions, row, &mut |bytes| {
            // What cannot be understood stays, for whoever reads it to say so.
            expired = split(bytes).is_ok_and(|(expires_at, _)| expires_at <= now);
            Ok(())
        })?;
        if expired {
            tx.delete(Table::Partitions, row)?;
            if let Some(head) = keys::head_that_goes_with(row) {
                tx.delete(Table::Partitions, &head)?;
            }
        }
        tx.delete(Table::Expiry, &entry)?;
    }
    Ok(())
}

fn due(tx: &mut dyn Tx, now: Timestamp, limit: usize) -> Result<Vec<Vec<u8>>> {
    let mut entries = Vec::new();
    let end = keys::expiry_after(now);
    let mut collect = |entry: &[u8], _: &[u8]| {
        entries.push(entry.to_vec());
        Ok(if entries.len() < limit {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        })
    };
    Read::scan(
        tx,
        Table::Expiry,
        &[],
        &end,
        Direction::Forward,
        &mut collect,
    )?;
    Ok(entries)
}
