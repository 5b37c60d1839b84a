//! Keyspaces to test in, on the server that `CARTWRIGHT_TEST_CQL` names (`host:port`).
//!
//! Making one takes more than a second, emptying one a fraction of it: a few are made, lent to one
//! test after another, and emptied in between. So a server is for one run at a time.

use cartwright::sources::{Clock, Sources};
use cartwright::store::scylla::{Options, Replication, ScyllaStore, UNFINISHED, Writers, migrate};
use futures::future::try_join_all;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many keyspaces there are: more than tests at once, so that none is lent again at once.
const KEYSPACES: usize = 6;
/// How many are lent at once.
const LENT: usize = 4;

/// The server, if the tests have one. With `CI` set they must.
pub fn server() -> Option<String> {
    let server = std::env::var("CARTWRIGHT_TEST_CQL").ok();
    if server.is_none() {
        let told = "CARTWRIGHT_TEST_CQL names no CQL server; tests/run starts one";
        assert!(std::env::var_os("CI").is_none(), "{told}");
        eprintln!("SKIPPED: {told}");
    }
    server
}

/// How a keyspace on the server is reached.
pub fn options(server: &str, keyspace: &str) -> Options {
    Options {
        contacts: vec![server.to_owned()],
        keyspace: keyspace.to_owned(),
        credentials: None,
        tls: None,
        datacenter: None,
        writers: Writers::Everywhere,
        unfinished: UNFINISHED,
    }
}

/// The system's, by this clock.
pub fn sources(clock: Arc<dyn Clock>) -> Sources {
    Sources {
        clock,
        ..Sources::system()
    }
}

/// The name of a keyspace that nobody has.
pub fn unused() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("test_of_{}_{number}", std::process::id())
}

/// A session beside the store's.
pub async fn session(server: &str) -> Session {
    let builder = SessionBuilder::new().known_node(server);
    builder.build().await.unwrap()
}

/// Makes a keyspace that is quick to empty, without tables.
pub async fn make(session: &Session, keyspace: &str) {
    let made = format!(
        "CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH durable_writes = false AND replication = \
         {{'class': 'NetworkTopologyStrategy', 'replication_factor': 1}}"
    );
    session.query_unpaged(made, ()).await.unwrap();
}

/// An empty keyspace with the schema, nobody else's until it is dropped.
pub struct Keyspace {
    options: Options,
    number: usize,
    _permit: OwnedSemaphorePermit,
}

fn permits() -> Arc<Semaphore> {
    static PERMITS: OnceLock<Arc<Semaphore>> = OnceLock::new();
    PERMITS
        .get_or_init(|| Arc::new(Semaphore::new(LENT)))
        .clone()
}

/// Those that nobody has, the one that was given back first in front.
static FREE: Mutex<VecDeque<usize>> = Mutex::new(VecDeque::new());
/// How many were lent for the first time in this process.
static BEGUN: AtomicUsize = AtomicUsize::new(0);

impl Keyspace {
    /// One of the server's. They outlive the process: the next one takes them over.
    pub async fn lend(server: &str) -> Self {
        let permit = permits().acquire_owned().await.unwrap();
        let begun = BEGUN.fetch_add(1, Ordering::Relaxed);
        let number = if begun < KEYSPACES {
            begun
        } else {
            FREE.lock().unwrap().pop_front().unwrap()
        };
        let options = options(server, &format!("test_{number}"));
        let session = session(server).await;
        if begun < KEYSPACES {
            make(&session, &options.keyspace).await;
            let replication = Replication { factor: 1 };
            let migrated = migrate(&options, replication, &Sources::system()).await;
            migrated.unwrap();
        }
        empty(&session, &options.keyspace).await;
        Self {
            options,
            number,
            _permit: permit,
        }
    }

    /// A store in it.
    pub async fn store(&self, clock: Arc<dyn Clock>) -> ScyllaStore {
        let sources = sources(clock);
        ScyllaStore::connect(&self.options, &sources).await.unwrap()
    }

    /// How it is reached.
    pub fn options(&self) -> &Options {
        &self.options
    }
}

impl Drop for Keyspace {
    fn drop(&mut self) {
        FREE.lock().unwrap().push_back(self.number);
    }
}

async fn empty(session: &Session, keyspace: &str) {
    let tables = [
        "users",
        "stock",
        "registers",
        "attempts",
        "order_owners",
        "marks",
        "catalog",
        "catalog_log",
        "shop",
    ];
    let emptied = tables.map(|table| {
        let truncate = format!("TRUNCATE {keyspace}.{table}");
        session.query_unpaged(truncate, ())
    });
    try_join_all(emptied).await.unwrap();
}
