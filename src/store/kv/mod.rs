//! The store over ordered keys: what rows there are, how a write changes them, how they are read.
//!
//! Written once for every store that can offer a consistent snapshot and one writer at a time (an
//! [`Engine`]). It knows neither files nor threads nor locks.

mod expiry;
mod head;
mod keys;
mod log;
mod read;
mod serve;
mod write;

pub(crate) use write::{Write, apply, sweep};

use super::Result;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// The tables. Few, as each costs every transaction that touches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Table {
    /// Everything of every partition, one partition's rows side by side.
    Partitions,
    /// Order ids to their users.
    Owners,
    /// Orders in the making, by bucket.
    Attempts,
    /// The catalogue and the shop's data.
    Catalog,
    /// When which row of `Partitions` expires, soonest first.
    Expiry,
    /// What there is one of.
    Meta,
}

impl Table {
    /// All of them, each at its own index.
    pub(crate) const ALL: [Self; 6] = [
        Self::Partitions,
        Self::Owners,
        Self::Attempts,
        Self::Catalog,
        Self::Expiry,
        Self::Meta,
    ];

    /// Its name where tables have names.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Partitions => "partitions",
            Self::Owners => "owners",
            Self::Attempts => "attempts",
            Self::Catalog => "catalog",
            Self::Expiry => "expiry",
            Self::Meta => "meta",
        }
    }

    /// Its place in [`Self::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// Which end of a range comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The least key.
    Forward,
    /// The greatest key.
    Backward,
}

/// Is shown a row's key and value; says whether to go on.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>>;

/// A consistent view of all tables. Values are shown, not handed out, so that none is copied.
pub(crate) trait Read {
    /// Shows the value at `key`, if there is one.
    fn get(
        &mut self,
        table: Table,
        key: &[u8],
        visit: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()>;

    /// Shows the rows with `from <= key < to`, until `visit` breaks.
    fn scan(
        &mut self,
        table: Table,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        visit: Visit<'_>,
    ) -> Result<()>;
}

/// A view that can be changed, and whose changes take effect together or not at all.
pub(crate) trait Tx: Read {
    /// Writes a row, replacing the one with its key.
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()>;

    /// Removes a row, if it is there.
    fn delete(&mut self, table: Table, key: &[u8]) -> Result<()>;
}

/// How much a read may have to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// A few rows by key: microseconds.
    Point,
    /// A page of rows.
    Page,
}

/// What a store brings to be one.
pub(crate) trait Engine: Send + Sync + 'static {
    /// Applies a write; answers once it is durable.
    fn write(&self, write: Write) -> impl Future<Output = Result<()>> + Send;

    /// Shows `read` a snapshot that holds every write answered before.
    fn read<T: Send + 'static>(
        &self,
        effort: Effort,
        read: impl FnOnce(&mut dyn Read) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send;

    /// Gives back the memory of what was read, where it takes any.
    fn forget(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}
