//! The schema that this program knows: the files of `cql/`, and whether a keyspace has them.

use super::error;
use crate::store::Error;
use scylla::client::session::Session;
use scylla::errors::{DbError, ExecutionError, PrepareError, RequestAttemptError};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A file of the schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct File {
    pub(super) number: i32,
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

macro_rules! files {
    ($($number:literal $name:literal,)*) => {
        [$(File {
            number: $number,
            name: $name,
            text: include_str!(concat!("../../../cql/", $name, ".cql")),
        },)*]
    };
}

/// The table of what was applied, and the lock. Not recorded: its statements can be repeated.
pub(super) const FIRST: File = File {
    number: 0,
    name: "0000_migrations",
    text: include_str!("../../../cql/0000_migrations.cql"),
};

/// What is applied, in this order.
pub(super) const FILES: [File; 5] = files![
    1 "0001_partitions",
    2 "0002_checkout",
    3 "0003_catalog",
    4 "0004_lease",
    5 "0005_nodes",
];

impl File {
    /// Its statements, with the keyspace in the names of tables.
    pub(super) fn statements(&self, keyspace: &str) -> Vec<String> {
        const NAMED: [&str; 2] = ["CREATE TABLE IF NOT EXISTS ", "DROP TABLE IF EXISTS "];
        let uncommented: Vec<_> = self
            .text
            .lines()
            .map(|line| line.split("--").next().unwrap_or_default().trim_end())
            .filter(|line| !line.is_empty())
            .collect();
        let text = uncommented.join("\n");
        let statements = text.split(';').map(str::trim);
        statements
            .filter(|statement| !statement.is_empty())
            .map(|statement| {
                NAMED.iter().fold(statement.to_owned(), |text, named| {
                    text.replacen(named, &format!("{named}{keyspace}."), 1)
                })
            })
            .collect()
    }

    /// SHA-256 of its text, in hexadecimal.
    pub(super) fn checksum(&self) -> String {
        let hash = Sha256::digest(self.text.as_bytes());
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Why a keyspace cannot be used by this program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Something is missing.
    #[error("the keyspace {keyspace} lacks {file} of the schema: run `cartwright migrate`")]
    Older {
        /// The keyspace.
        keyspace: String,
        /// The first file that it lacks.
        file: String,
    },
    /// Something is unknown.
    #[error(
        "the keyspace {keyspace} has {file} of the schema, which this version does not know: run \
         the version of cartwright that migrated it, or a later one"
    )]
    Newer {
        /// The keyspace.
        keyspace: String,
        /// The first file that is unknown.
        file: String,
    },
    /// A file that was applied is not the one that this version has.
    #[error(
        "{file} of the schema of the keyspace {keyspace} was applied with other contents: run the \
         version of cartwright that migrated it, or restore the keyspace and run `cartwright \
         migrate`"
    )]
    Differs {
        /// The keyspace.
        keyspace: String,
        /// The file.
        file: String,
    },
    /// It could not be read.
    #[error("the schema could not be read: {0}")]
    Unread(String),
}

/// A file that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) name: String,
    pub(super) checksum: String,
}

/// What was applied, by number; nothing where there is no keyspace.
pub(super) async fn applied(
    session: &Session,
    keyspace: &str,
) -> Result<BTreeMap<i32, Applied>, SchemaError> {
    let text = format!(
        "SELECT number, name, checksum FROM {keyspace}.schema_migrations WHERE scope = 'schema'"
    );
    let unread = |error: Error| SchemaError::Unread(error.to_string());
    let answer = match session.query_unpaged(text, ()).await {
        Err(error) if is_missing(&error) => return Ok(BTreeMap::new()),
        answer => answer.map_err(|error| unread(error::read(error)))?,
    };
    let rows = answer
        .into_rows_result()
        .map_err(|e| unread(error::answer(e)))?;
    let rows = rows
        .rows::<(i32, String, String)>()
        .map_err(|e| unread(error::answer(e)))?;
    rows.map(|row| {
        let (number, name, checksum) = row.map_err(|e| unread(error::answer(e)))?;
        Ok((number, Applied { name, checksum }))
    })
    .collect()
}

/// Whether the table, or the keyspace, is not there.
fn is_missing(error: &ExecutionError) -> bool {
    let attempt = match error {
        ExecutionError::LastAttemptError(attempt) => attempt,
        ExecutionError::PrepareError(PrepareError::AllAttemptsFailed { first_attempt }) => {
            first_attempt
        }
        _ => return false,
    };
    matches!(attempt, RequestAttemptError::DbError(DbError::Invalid, _))
}

/// # Errors
/// [`SchemaError`] unless the keyspace has exactly the schema that this program knows.
pub(super) async fn check(session: &Session, keyspace: &str) -> Result<(), SchemaError> {
    judge(keyspace, &applied(session, keyspace).await?)
}

/// Nothing newer and nothing different; what is missing is told apart from the rest.
pub(super) fn judge(keyspace: &str, applied: &BTreeMap<i32, Applied>) -> Result<(), SchemaError> {
    let keyspace = keyspace.to_owned();
    let newest = FILES.last().map_or(0, |file| file.number);
    if let Some((_, unknown)) = applied.range(newest + 1..).next() {
        let file = unknown.name.clone();
        return Err(SchemaError::Newer { keyspace, file });
    }
    let differs = |file: &&File| {
        let stored = applied.get(&file.number);
        stored.is_some_and(|stored| stored.checksum != file.checksum())
    };
    if let Some(file) = FILES.iter().find(differs) {
        let file = file.name.to_owned();
        return Err(SchemaError::Differs { keyspace, file });
    }
    match FILES
        .iter()
        .find(|file| !applied.contains_key(&file.number))
    {
        Some(missing) => {
            let file = missing.name.to_owned();
            Err(SchemaError::Older { keyspace, file })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> BTreeMap<i32, Applied> {
        let applied = FILES.iter().map(|file| {
            let name = file.name.to_owned();
            let checksum = file.checksum();
            (file.number, Applied { name, checksum })
        });
        applied.collect()
    }

    #[test]
    fn files_are_numbered_as_they_are_named_and_make_tables() {
        for (place, file) in (0..).zip([FIRST].iter().chain(&FILES)) {
            assert_eq!(file.number, place);
            assert!(file.name.starts_with(&format!("{place:04}_")));
            let statements = file.statements("shop");
            assert!(!statements.is_empty());
            for statement in statements {
                let known = [
                    "CREATE TABLE IF NOT EXISTS shop.",
                    "DROP TABLE IF EXISTS shop.",
                ];
                assert!(
                    known.iter().any(|known| statement.starts_with(known)),
                    "{statement}"
                );
                assert!(!statement.contains("--"), "{statement}");
            }
        }
    }

    #[test]
    fn a_schema_is_judged_by_what_it_lacks_and_what_it_has_besides() {
        assert_eq!(judge("k", &all()), Ok(()));
        let mut older = all();
        older.remove(&3);
        let told = judge("k", &older).unwrap_err().to_string();
        assert_eq!(
            told,
            "the keyspace k lacks 0003_catalog of the schema: run `cartwright migrate`"
        );
        let mut newer = all();
        let of_later = Applied {
            name: "0006_later".to_owned(),
            checksum: String::new(),
        };
        newer.insert(6, of_later);
        let told = judge("k", &newer).unwrap_err();
        assert!(matches!(told, SchemaError::Newer { file, .. } if file == "0006_later"));
        let mut other = all();
        other.get_mut(&1).unwrap().checksum = "0".to_owned();
        let told = judge("k", &other).unwrap_err();
        assert!(matches!(told, SchemaError::Differs { file, .. } if file == "0001_partitions"));
    }
}
