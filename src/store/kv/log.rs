//! The log of the catalogue's changes: numbered without gaps, in the table of the records
//! themselves, so that a file of an earlier version has an empty one. Its end is its last entry.

use super::keys::{self, kind};
use super::{Direction, Read, Table, Tx};
use crate::store::encoding::decode;
use crate::store::{CATALOG_LOG, Changes, Error, LogPosition, Result};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// A catalogue record to write, and what the log is to say of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Logged {
    #[serde(with = "serde_bytes")]
    pub(super) key: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub(super) value: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub(super) entry: Vec<u8>,
}

/// Writes records and appends to the log, which loses as many of its oldest entries. What is there
/// already, equal, is left alone: nobody has to hear of it.
pub(super) fn put(tx: &mut dyn Tx, rows: &[Logged]) -> Result<()> {
    let mut position = position(tx)?;
    for row in rows {
        let mut stands = false;
        tx.get(Table::Catalog, &row.key, &mut |stored| {
            stands = stored == row.value;
            Ok(())
        })?;
        if stands {
            continue;
        }
        tx.put(Table::Catalog, &row.key, &row.value)?;
        position += 1;
        tx.put(Table::Catalog, &keys::logged(position), &row.entry)?;
        if let Some(pruned) = position.checked_sub(CATALOG_LOG) {
            tx.delete(Table::Catalog, &keys::logged(pruned))?;
        }
    }
    Ok(())
}

/// Where the log ends.
pub(super) fn position(view: &mut dyn Read) -> Result<LogPosition> {
    let (from, to) = keys::catalog_after(kind::LOG, None);
    let mut last = 0;
    view.scan(
        Table::Catalog,
        &from,
        &to,
        Direction::Backward,
        &mut |key, _| {
            last = position_of(key)?;
            Ok(ControlFlow::Break(()))
        },
    )?;
    Ok(last)
}

/// At most `limit` entries after a position.
pub(super) fn changes(view: &mut dyn Read, after: LogPosition, limit: u32) -> Result<Changes> {
    let end = position(view)?;
    if after > end {
        return Ok(Changes::Lost);
    }
    let limit = LogPosition::from(limit).min(end - after);
    let mut keys = Vec::new();
    let mut position = after;
    if limit == 0 {
        return Ok(Changes::Keys { keys, position });
    }
    let (from, to) = (
        keys::logged(after + 1),
        keys::catalog_after(kind::LOG, None).1,
    );
    view.scan(
        Table::Catalog,
        &from,
        &to,
        Direction::Forward,
        &mut |key, entry| {
            if position_of(key)? != position + 1 {
                return Ok(ControlFlow::Break(()));
            }
            keys.push(decode(entry)?);
            position += 1;
            Ok(if position - after < limit {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        },
    )?;
    Ok(if keys.is_empty() {
        Changes::Lost
    } else {
        Changes::Keys { keys, position }
    })
}

fn position_of(key: &[u8]) -> Result<LogPosition> {
    let number = key.get(1..).and_then(|number| number.try_into().ok());
    number
        .map(LogPosition::from_be_bytes)
        .ok_or_else(|| Error::Corrupt("an entry of the catalogue's log has no number".to_owned()))
}
