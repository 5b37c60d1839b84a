//! `cartwright migrate`: brings a keyspace to the schema of this version.

use super::data::options;
use crate::config::{InvalidSettings, MigrateArgs, StoreSettings};
use crate::sources::Sources;
use crate::store::scylla::{self, MigrateError, Replication};

/// Why nothing, or not everything, was migrated; one line each.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    #[error(transparent)]
    Migrate(#[from] MigrateError),
}

/// Migrates, and says what was done.
///
/// # Errors
/// What stopped it, in one line; what was applied before stays.
pub async fn migrate(arguments: MigrateArgs) -> Result<(), Error> {
    let StoreSettings::Scylla(settings) = arguments.store.settings()? else {
        println!("an embedded store needs no migration");
        return Ok(());
    };
    let replication = Replication {
        factor: arguments.replication,
    };
    let done = scylla::migrate(&options(&settings), replication, &Sources::system()).await?;
    let keyspace = &settings.keyspace;
    for file in &done.applied {
        println!("{keyspace}: {file} applied");
    }
    if done.applied.is_empty() {
        println!("{keyspace}: nothing to do");
    }
    Ok(())
}
