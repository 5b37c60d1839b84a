//! The store on ScyllaDB, or Apache Cassandra: one table per access path (`cql/`), one conditional
//! batch per commit.
//!
//! A commit changes one partition of one table and rests on the version there. Whatever decides is
//! read serially. No TTL is trusted to the second: a row's own time says when it has expired. How
//! a commit whose outcome is unknown gets decided is not known here but in [`super::resolve`].

mod attempts;
mod catalog_log;
mod catalogs;
mod commits;
mod connect;
mod counts;
mod error;
mod execute;
mod expiry;
mod head;
mod metrics;
mod migrate;
mod options;
mod profiles;
mod refusal;
mod registers;
mod schema;
mod statements;
mod stocks;
mod users;

pub use connect::ConnectError;
pub use counts::Counts;
pub use migrate::{MigrateError, Migration, migrate};
pub use options::{Options, Replication, Tls, UNFINISHED, Writers};
pub use schema::SchemaError;

use crate::domain::time::Timestamp;
use crate::sources::Sources;
use catalog_log::Unfinished;
use connect::Connection;
use scylla::client::session::Session;
use statements::Statements;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::AbortHandle;

/// A store in a keyspace of ScyllaDB or Cassandra.
pub struct ScyllaStore {
    session: Arc<Session>,
    statements: Arc<Statements>,
    sources: Sources,
    keyspace: String,
    unfinished: Unfinished,
    is_healthy: Arc<AtomicBool>,
    watch: AbortHandle,
}

impl ScyllaStore {
    /// Connects, once. The clock tells what has expired.
    ///
    /// # Errors
    /// [`ConnectError`]: the server does not answer, or the keyspace does not have the schema that
    /// this program knows.
    pub async fn connect(options: &Options, sources: &Sources) -> Result<Self, ConnectError> {
        let Connection { session, profiles } = connect::connect(options).await?;
        schema::check(&session, &options.keyspace).await?;
        let prepared = Statements::prepare(&session, &options.keyspace, &profiles);
        let statements = Box::pin(prepared).await.map_err(Box::new)?;
        let (session, statements) = (Arc::new(session), Arc::new(statements));
        let is_healthy = Arc::new(AtomicBool::new(true));
        let watch = connect::watch(session.clone(), statements.clone(), is_healthy.clone());
        Ok(Self {
            session,
            statements,
            sources: sources.clone(),
            keyspace: options.keyspace.clone(),
            unfinished: Unfinished::after(options.unfinished),
            is_healthy,
            watch,
        })
    }

    /// Connects, waiting for a server that is away; each failure is logged.
    ///
    /// # Errors
    /// [`ConnectError`] for what waiting does not mend.
    pub async fn connect_patiently(
        options: &Options,
        sources: &Sources,
    ) -> Result<Self, ConnectError> {
        connect::patiently(|| Self::connect(options, sources)).await
    }

    /// Whether it answered when it was last asked, which it is every second.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.is_healthy.load(Ordering::Relaxed)
    }

    /// The keyspace.
    #[must_use]
    pub fn keyspace(&self) -> &str {
        &self.keyspace
    }

    fn now(&self) -> Timestamp {
        self.sources.clock.now()
    }
}

impl Drop for ScyllaStore {
    fn drop(&mut self) {
        self.watch.abort();
    }
}
