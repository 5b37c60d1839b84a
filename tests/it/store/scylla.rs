//! The store on CQL: the contract on a real server, and what it promises besides.

use super::contract::contract_tests;
use super::samples::*;
use super::{ManualClock, expiry};
use crate::cql::{self, Keyspace};
use cartwright::sources::Sources;
use cartwright::store::scylla::{
    ConnectError, MigrateError, Replication, SchemaError, ScyllaStore, migrate,
};
use cartwright::store::{Change, Commit, Commits, Error, Outcome, Partition, UserWrite, Users};
use futures::future::join_all;
use scylla::client::session::Session;
use scylla::serialize::row::SerializeRow;
use scylla::statement::Statement;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// A store in a keyspace of its own.
struct Subject {
    store: ScyllaStore,
    clock: Arc<ManualClock>,
    keyspace: Keyspace,
}

/// `None` where there is no server to test on.
async fn subject() -> Option<Subject> {
    let keyspace = Keyspace::lend(&cql::server()?).await;
    let clock = Arc::new(ManualClock::default());
    Some(Subject {
        store: keyspace.store(clock.clone()).await,
        clock,
        keyspace,
    })
}

macro_rules! subject {
    () => {
        match $crate::store::scylla::subject().await {
            Some(subject) => subject,
            None => return,
        }
    };
}

contract_tests!(scylla_store, subject!());

#[tokio::test]
async fn keys_expire() {
    let subject = subject!();
    expiry::keys_expire(&subject.store, &subject.clock).await;
}

#[tokio::test]
async fn terminal_holds_expire() {
    let subject = subject!();
    expiry::terminal_holds_expire(&subject.store, &subject.clock).await;
}

const ONE: Replication = Replication { factor: 1 };

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_migrate_at_once_one_applies_each_file() {
    let Some(server) = cql::server() else { return };
    let keyspace = cql::unused();
    cql::make(&cql::session(&server).await, &keyspace).await;
    let options = cql::options(&server, &keyspace);
    let sources = Sources::system();
    let runs = join_all((0..4).map(|_| migrate(&options, ONE, &sources))).await;
    let mut applied: Vec<_> = runs
        .into_iter()
        .flat_map(|run| run.unwrap().applied)
        .collect();
    applied.sort();
    assert_eq!(
        applied,
        [
            "0001_partitions",
            "0002_checkout",
            "0003_catalog",
            "0004_lease",
            "0005_nodes"
        ]
    );
    let again = migrate(&options, ONE, &sources).await.unwrap();
    assert_eq!(again.applied, [""; 0]);
    let clock = Arc::new(ManualClock::default());
    assert!(
        ScyllaStore::connect(&options, &cql::sources(clock))
            .await
            .is_ok()
    );
}

async fn refusal(keyspace: &Keyspace) -> SchemaError {
    let clock = Arc::new(ManualClock::default());
    match ScyllaStore::connect(keyspace.options(), &cql::sources(clock)).await {
        Err(ConnectError::Schema(refusal)) => refusal,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it connects"),
    }
}

#[tokio::test]
async fn a_schema_that_is_not_known_is_refused_and_told() {
    let Some(server) = cql::server() else { return };
    let clock = Arc::new(ManualClock::default());
    let nowhere = cql::options(&server, &cql::unused());
    match ScyllaStore::connect(&nowhere, &cql::sources(clock)).await {
        Err(ConnectError::Schema(SchemaError::Older { file, .. })) => {
            assert_eq!(file, "0001_partitions");
        }
        other => panic!("{:?}", other.map(drop)),
    }
    let keyspace = Keyspace::lend(&server).await;
    let name = &keyspace.options().keyspace;
    let session = cql::session(&server).await;
    let execute = async |text: String| session.query_unpaged(text, ()).await.unwrap();
    let rows = format!("{name}.schema_migrations");
    let at = |number| format!("WHERE scope = 'schema' AND number = {number}");

    let later = format!(
        "({rows_values})",
        rows_values = "'schema', 99, '0099_later', 'x'"
    );
    execute(format!(
        "INSERT INTO {rows} (scope, number, name, checksum) VALUES {later} IF NOT EXISTS"
    ))
    .await;
    assert!(
        matches!(refusal(&keyspace).await, SchemaError::Newer { file, .. } if file == "0099_later")
    );
    let migrated = migrate(keyspace.options(), ONE, &Sources::system()).await;
    assert!(matches!(
        migrated,
        Err(MigrateError::Schema(SchemaError::Newer { .. }))
    ));
    execute(format!("DELETE FROM {rows} {} IF EXISTS", at(99))).await;

    let whole = migrate(keyspace.options(), ONE, &Sources::system()).await;
    assert_eq!(whole.unwrap().applied, [""; 0]);
    execute(format!("DELETE FROM {rows} {} IF EXISTS", at(5))).await;
    assert!(
        matches!(refusal(&keyspace).await, SchemaError::Older { file, .. } if file == "0005_nodes")
    );
    let mended = migrate(keyspace.options(), ONE, &Sources::system()).await;
    assert_eq!(mended.unwrap().applied, ["0005_nodes"]);
}

#[tokio::test]
async fn the_same_commit_again_is_refused_and_found_applied() {
    let Subject { store, .. } = subject!();
    let partitions = [
        Change::User(user_id(1), UserWrite::default()),
        Change::Claim(email("ann@example.com"), claim()),
        Change::Roles(role_book()),
    ];
    for change in partitions {
        let commit = Commit {
            expected: 0,
            write: write_id(7),
            change,
        };
        let partition = commit.change.partition();
        let outcome = |write| store.outcome(partition.clone(), 0, write_id(write));
        assert_eq!(outcome(7).await, Ok(Outcome::NotYet));
        assert_eq!(store.commit(commit.clone()).await, Ok(()));
        assert_eq!(store.commit(commit).await, Err(Error::Conflict));
        assert_eq!(outcome(7).await, Ok(Outcome::Applied));
        assert_eq!(outcome(8).await, Ok(Outcome::Never));
    }
}

#[tokio::test]
async fn a_commit_that_is_too_large_is_refused_before_it_is_sent() {
    let Subject { store, .. } = subject!();
    let user = user_id(1);
    let write = UserWrite {
        keys: vec![("k".repeat(200_000), key_use(NOW))],
        ..UserWrite::default()
    };
    let refused = store.commit(commit(user, 0, write_id(0), write)).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    let outcome = store.outcome(Partition::User(user), 0, write_id(0)).await;
    assert_eq!(outcome, Ok(Outcome::NotYet));
    assert_eq!(store.user(user).await.unwrap().version, 0);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_told() {
    let nobody = cql::options("127.0.0.1:1", "nowhere");
    let clock = Arc::new(ManualClock::default());
    let refused = ScyllaStore::connect(&nobody, &cql::sources(clock)).await;
    let refused = refused.map(drop);
    assert!(
        matches!(refused, Err(ConnectError::Unreachable { .. })),
        "{refused:?}"
    );
}

/// How many tombstones each read met that the server made for this statement, as its trace tells.
/// How many reads that are depends on the server's caches too, as those of Paxos' own state.
async fn tombstones(session: &Session, text: &str, values: impl SerializeRow) -> Vec<u64> {
    let mut statement = Statement::new(text);
    statement.set_tracing(true);
    let answer = session.query_unpaged(statement, values).await.unwrap();
    let id = answer.tracing_id().unwrap();
    let traced = async || -> Vec<u64> {
        let traced = session.get_tracing_info(&id).await.unwrap();
        let events = traced.events.into_iter();
        let activities = events.filter_map(|event| event.activity);
        activities
            .filter_map(|activity| {
                // Of a read: "Read 2 live rows and 0 tombstone cells", and a warning if many.
                let (_, met) = activity.split_once(" live rows and ")?;
                let (met, _) = met.split_once(" tombstone cells")?;
                met.parse().ok()
            })
            .collect()
    };
    // The server writes a trace bit by bit: it is whole once it does not grow any more.
    let mut told = traced().await;
    for _ in 0..100 {
        sleep(Duration::from_millis(300)).await;
        let before = std::mem::replace(&mut told, traced().await);
        if !told.is_empty() && told == before {
            break;
        }
    }
    told
}

#[tokio::test]
async fn a_partition_that_saw_ten_thousand_changes_is_written_like_a_new_one() {
    let Subject {
        store, keyspace, ..
    } = subject!();
    let (old, new) = (user_id(1), user_id(2));
    for (user, commits) in [(old, 100), (new, 1)] {
        for expected in 0..commits {
            let keys = (0..100).map(|number| (format!("{expected}-{number}"), key_use(NOW)));
            let write = UserWrite {
                keys: keys.collect(),
                ..cart_write(expected)
            };
            let commit = commit(user, expected, write_id(expected.into()), write);
            store.commit(commit).await.unwrap();
        }
    }
    let session = cql::session(&cql::server().unwrap()).await;
    let name = &keyspace.options().keyspace;
    // As they are once they have expired: a tombstone each.
    let gone = format!(
        "DELETE FROM {name}.users WHERE user_id = ? AND kind = 4 AND seq = 0 AND name IN ?"
    );
    let gone = session.prepare(gone).await.unwrap();
    for expected in 0..100 {
        let keys: Vec<_> = (0..100)
            .map(|number| format!("{expected}-{number}"))
            .collect();
        session.execute_unpaged(&gone, (old.0, keys)).await.unwrap();
    }
    let update = format!("UPDATE {name}.users SET version = ? WHERE user_id = ? IF version = ?");
    let read = format!("SELECT kind, value FROM {name}.users WHERE user_id = ? AND kind <= 1");
    let everything = format!("SELECT value FROM {name}.users WHERE user_id = ? AND kind <= 4");
    let met = tombstones(&session, &everything, (old.0,)).await;
    assert!(met.iter().any(|met| *met >= 10_000), "{met:?}");
    let written = [(old, 101_i64, 100_i64), (new, 2, 1)];
    for (user, version, expected) in written {
        let update = tombstones(&session, &update, (version, user.0, expected)).await;
        let read = tombstones(&session, &read, (user.0,)).await;
        for met in [update, read] {
            assert!(!met.is_empty(), "a trace without a read");
            assert!(met.iter().all(|met| *met == 0), "{met:?}");
        }
    }
}
