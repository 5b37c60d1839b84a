//! redb's transactions as views of the tables. A table is opened when it is first touched.

use super::super::kv::{Direction, Read, Table, Tx, Visit};
use super::super::{Error, Result};
use redb::{
    AccessGuard, Range, ReadOnlyTable, ReadTransaction, ReadableTable, StorageError,
    TableDefinition, WriteTransaction,
};

type Bytes = &'static [u8];

/// What redb calls a table.
pub(super) const fn definition(table: Table) -> TableDefinition<'static, Bytes, Bytes> {
    TableDefinition::new(table.name())
}

/// What a failure of redb means to a caller who knows that nothing was committed.
pub(super) fn failure(error: redb::Error) -> Error {
    match error {
        redb::Error::Corrupted(cause) => Error::Corrupt(cause),
        other => Error::Unavailable(other.to_string()),
    }
}

fn storage(error: StorageError) -> Error {
    failure(error.into())
}

/// A snapshot.
pub(super) struct ReadView<'t> {
    transaction: &'t ReadTransaction,
    tables: [Option<ReadOnlyTable<Bytes, Bytes>>; Table::ALL.len()],
}

impl<'t> ReadView<'t> {
    pub(super) fn new(transaction: &'t ReadTransaction) -> Self {
        Self {
            transaction,
            tables: Default::default(),
        }
    }

    fn table(&mut self, table: Table) -> Result<&ReadOnlyTable<Bytes, Bytes>> {
        match &mut self.tables[table.index()] {
            Some(open) => Ok(open),
            place @ None => {
                let opened = self.transaction.open_table(definition(table));
                Ok(place.insert(opened.map_err(|error| failure(error.into()))?))
            }
        }
    }
}

/// A transaction under way.
pub(super) struct WriteView<'t> {
    transaction: &'t WriteTransaction,
    tables: [Option<redb::Table<'t, Bytes, Bytes>>; Table::ALL.len()],
}

impl<'t> WriteView<'t> {
    pub(super) fn new(transaction: &'t WriteTransaction) -> Self {
        Self {
            transaction,
            tables: Default::default(),
        }
    }

    fn table(&mut self, table: Table) -> Result<&mut redb::Table<'t, Bytes, Bytes>> {
        match &mut self.tables[table.index()] {
            Some(open) => Ok(open),
            place @ None => {
                let opened = self.transaction.open_table(definition(table));
                Ok(place.insert(opened.map_err(|error| Error::Unavailable(error.to_string()))?))
            }
        }
    }
}

macro_rules! read {
    ($($view:ident),*) => {$(
        impl Read for $view<'_> {
            fn get(
                &mut self,
                table: Table,
                key: &[u8],
                visit: &mut dyn FnMut(&[u8]) -> Result<()>,
            ) -> Result<()> {
                let value = ReadableTable::get(self.table(table)?, key).map_err(storage)?;
                show(value, visit)
            }

            fn scan(
                &mut self,
                table: Table,
                from: &[u8],
                to: &[u8],
                direction: Direction,
                visit: Visit<'_>,
            ) -> Result<()> {
                let table = self.table(table)?;
                let rows = ReadableTable::range::<&[u8]>(table, from..to).map_err(storage)?;
                walk(rows, direction, visit)
            }
        }
    )*};
}

read!(ReadView, WriteView);

fn show(
    value: Option<AccessGuard<'_, Bytes>>,
    visit: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    value.map_or(Ok(()), |value| visit(value.value()))
}

fn walk(mut rows: Range<'_, Bytes, Bytes>, direction: Direction, visit: Visit<'_>) -> Result<()> {
    while let Some(row) = match direction {
        Direction::Forward => rows.next(),
        Direction::Backward => rows.next_back(),
    } {
        let (key, value) = row.map_err(storage)?;
        if visit(key.value(), value.value())?.is_break() {
            break;
        }
    }
    Ok(())
}

/// A change that fails may be half done: whatever the cause, the transaction must be given up.
fn half_done(error: StorageError) -> Error {
    Error::Unavailable(error.to_string())
}

impl Tx for WriteView<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        let replaced = self.table(table)?.insert(key, value);
        replaced.map(drop).map_err(half_done)
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<()> {
        let removed = self.table(table)?.remove(key);
        removed.map(drop).map_err(half_done)
    }
}
