//! Bringing a keyspace to the schema that this program knows.
//!
//! Many may try at once: a lock lets one apply, the others find it done. Whoever dies with the
//! lock leaves it to expire, and statements that can be repeated.

use super::connect::{self, ConnectError, Connection};
use super::options::{Options, Replication};
use super::profiles::Profiles;
use super::schema::{self, FILES, FIRST, File, SchemaError};
use crate::sources::Sources;
use scylla::client::session::Session;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::serialize::row::SerializeRow;
use scylla::statement::Statement;
use scylla::value::{CqlTimestamp, CqlValue, Row};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// For how long the lock is held at most, in seconds: much longer than it takes.
const LOCK_LIFE: i32 = 120;
/// How long the lock is waited for.
const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(500);
/// For how long a statement is repeated that a node calls invalid: it may not have learned yet of
/// the change that it rests on.
const LEARN_TIME: Duration = Duration::from_secs(10);
/// How long one statement may take: a change of the schema is agreed on by all nodes.
const STATEMENT_TIME: Duration = Duration::from_secs(60);

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migration {
    /// The files that were applied, by name; none where there was nothing to do.
    pub applied: Vec<String>,
}

/// Why a keyspace was not brought up to date. What was applied before stays, and is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The keyspace has what this program does not know.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A statement failed.
    #[error("{what}: {source}")]
    Statement {
        /// Which.
        what: String,
        /// How.
        source: Box<ExecutionError>,
    },
    /// Somebody else is migrating, and does not come to an end.
    #[error("another `cartwright migrate` holds the lock of the keyspace for too long")]
    Locked,
}

/// Makes the keyspace where it is missing, and applies what it lacks.
///
/// # Errors
/// [`MigrateError`].
pub async fn migrate(
    options: &Options,
    replication: Replication,
    sources: &Sources,
) -> Result<Migration, MigrateError> {
    let Connection { session, profiles } = connect::connect(options).await?;
    let migrator = Migrator {
        session,
        profiles,
        keyspace: options.keyspace.clone(),
        holder: sources.entropy.uuid(),
    };
    // `IF NOT EXISTS` takes the permission to make keyspaces also where there is nothing to make.
    let state = migrator.session.get_cluster_state();
    if state.get_keyspace(&options.keyspace).is_none() {
        let made = make_keyspace(options, replication);
        migrator.execute("the keyspace", made, ()).await?;
    }
    migrator.apply(&FIRST).await?;
    // Most starts find nothing to do, and need no lock for it.
    if schema::check(&migrator.session, &options.keyspace)
        .await
        .is_ok()
    {
        return Ok(Migration::default());
    }
    migrator.lock().await?;
    let migrated = migrator.apply_missing(sources).await;
    migrator.unlock().await;
    migrated
}

fn make_keyspace(options: &Options, replication: Replication) -> String {
    let place = options
        .datacenter
        .as_deref()
        .unwrap_or("replication_factor");
    format!(
        "CREATE KEYSPACE IF NOT EXISTS {} WITH replication = \
         {{'class': 'NetworkTopologyStrategy', '{place}': {}}}",
        options.keyspace, replication.factor
    )
}

struct Migrator {
    session: Session,
    profiles: Profiles,
    keyspace: String,
    holder: Uuid,
}

impl Migrator {
    async fn apply_missing(&self, sources: &Sources) -> Result<Migration, MigrateError> {
        let applied = schema::applied(&self.session, &self.keyspace).await?;
        match schema::judge(&self.keyspace, &applied) {
            Ok(()) | Err(SchemaError::Older { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let mut migration = Migration::default();
        for file in FILES {
            if !applied.contains_key(&file.number) {
                self.apply(&file).await?;
                let at = CqlTimestamp(sources.clock.now().0);
                self.record(&file, at).await?;
                tracing::info!(schema.file = file.name, "store.migrate.applied");
                migration.applied.push(file.name.to_owned());
            }
        }
        Ok(migration)
    }

    async fn apply(&self, file: &File) -> Result<(), MigrateError> {
        for statement in file.statements(&self.keyspace) {
            self.execute(file.name, statement, ()).await?;
        }
        Ok(())
    }

    async fn record(&self, file: &File, at: CqlTimestamp) -> Result<(), MigrateError> {
        let text = format!(
            "INSERT INTO {}.schema_migrations (scope, number, name, checksum, applied_at) \
             VALUES ('schema', ?, ?, ?, ?) IF NOT EXISTS",
            self.keyspace
        );
        let values = (file.number, file.name, file.checksum(), at);
        self.execute(file.name, text, values).await.map(drop)
    }

    /// Waits until nobody else applies anything.
    async fn lock(&self) -> Result<(), MigrateError> {
        let text = format!(
            "INSERT INTO {}.schema_lock (name, holder) VALUES ('schema', ?) IF NOT EXISTS \
             USING TTL {LOCK_LIFE}",
            self.keyspace
        );
        let deadline = Instant::now() + PATIENCE;
        let mut is_told = false;
        while Instant::now() < deadline {
            if self
                .execute("the lock", text.clone(), (self.holder,))
                .await?
            {
                return Ok(());
            }
            if !is_told {
                tracing::info!("store.migrate.waiting");
                is_told = true;
            }
            sleep(PAUSE).await;
        }
        Err(MigrateError::Locked)
    }

    async fn unlock(&self) {
        let text = format!(
            "DELETE FROM {}.schema_lock WHERE name = 'schema' IF holder = ?",
            self.keyspace
        );
        if let Err(error) = self.execute("the lock", text, (self.holder,)).await {
            tracing::warn!(%error, "store.migrate.lock_left");
        }
    }

    /// Whether it was applied, where that depends.
    async fn execute(
        &self,
        what: &str,
        text: String,
        values: impl SerializeRow,
    ) -> Result<bool, MigrateError> {
        let mut statement = Statement::new(text);
        statement.set_execution_profile_handle(Some(self.profiles.conditional.clone()));
        statement.set_request_timeout(Some(STATEMENT_TIME));
        let until = Instant::now() + LEARN_TIME;
        let answer = loop {
            let asked = self.session.query_unpaged(statement.clone(), &values).await;
            match asked {
                Err(error) if is_invalid(&error) && Instant::now() < until => sleep(PAUSE).await,
                answer => break answer,
            }
        };
        let answer = answer.map_err(|source| MigrateError::Statement {
            what: what.to_owned(),
            source: Box::new(source),
        })?;
        let first = answer.into_rows_result().ok();
        let first = first.and_then(|rows| rows.first_row::<Row>().ok());
        Ok(first.is_some_and(|row| row.columns.first() == Some(&Some(CqlValue::Boolean(true)))))
    }
}

/// Whether a node says that the statement makes no sense. It was not executed.
fn is_invalid(error: &ExecutionError) -> bool {
    matches!(
        error,
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(DbError::Invalid, _))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::scylla::{UNFINISHED, Writers};

    #[test]
    fn a_keyspace_is_replicated_where_it_is_said() {
        let mut options = Options {
            contacts: vec![],
            keyspace: "shop".to_owned(),
            credentials: None,
            tls: None,
            datacenter: None,
            writers: Writers::Everywhere,
            unfinished: UNFINISHED,
        };
        let three = Replication { factor: 3 };
        assert_eq!(
            make_keyspace(&options, three),
            "CREATE KEYSPACE IF NOT EXISTS shop WITH replication = \
             {'class': 'NetworkTopologyStrategy', 'replication_factor': 3}"
        );
        options.datacenter = Some("eu".to_owned());
        assert!(make_keyspace(&options, three).ends_with("'eu': 3}"));
    }
}
