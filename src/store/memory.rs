//! A store in memory, without threads or IO: for simulations under a paused clock, and for tests.
//! Nothing outlives the process.

use super::Result;
use super::kv::{self, Direction, Effort, Engine, Read, Table, Tx, Visit, Write};
use crate::sources::Clock;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A store in memory; clones share it.
#[derive(Clone)]
pub struct MemoryStore {
    tables: Arc<Mutex<Tables>>,
    clock: Arc<dyn Clock>,
}

impl MemoryStore {
    /// An empty one. `clock` tells what has expired.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            tables: Arc::default(),
            clock,
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for MemoryStore {
    async fn write(&self, write: Write) -> Result<()> {
        let now = self.clock.now();
        let mut tables = self.tables();
        kv::apply(&mut *tables, &write)?;
        kv::sweep(&mut *tables, now)
    }

    async fn read<T: Send + 'static>(
        &self,
        _: Effort,
        read: impl FnOnce(&mut dyn Read) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        read(&mut *self.tables())
    }
}

#[derive(Default)]
struct Tables([BTreeMap<Vec<u8>, Vec<u8>>; Table::ALL.len()]);

impl Read for Tables {
    fn get(
        &mut self,
        table: Table,
        key: &[u8],
        visit: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.0[table.index()]
            .get(key)
            .map_or(Ok(()), |value| visit(value))
    }

    fn scan(
        &mut self,
        table: Table,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        visit: Visit<'_>,
    ) -> Result<()> {
        let mut rows =
            self.0[table.index()].range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        while let Some((key, value)) = match direction {
            Direction::Forward => rows.next(),
            Direction::Backward => rows.next_back(),
        } {
            if visit(key, value)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Tx for Tables {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        self.0[table.index()].insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<()> {
        self.0[table.index()].remove(key);
        Ok(())
    }
}
