//! More users than may be resident, seen one after the other: what a server has in memory by then,
//! against what it had after the first of them.

use crate::data::Disk;
use crate::process::{Memory, ServerProcess, Service};
use crate::seeded::Seeded;
use crate::served::SECRET;
use crate::wire::{Connection, get, request};
use crate::{Failure, Table};
use cartwright::auth::access::AccessTokens;
use cartwright::auth::secret::Secret;
use cartwright::sources::Sources;
use futures::future::try_join_all;
use std::fmt::Write;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The most that memory may be, in what it was after the first.
const TARGET: f64 = 1.1;
/// One of so many users changes the cart; all look at it.
const CHANGING: u64 = 10;
/// Connections.
const CONNECTIONS: usize = 16;
/// Users that may be resident.
const RESIDENTS: u64 = 10_000;

/// How many users come.
#[derive(Clone, Copy)]
pub(crate) struct Users {
    all: u64,
    /// After whom memory has to stay as it is.
    first: u64,
}

impl Users {
    pub(crate) const BRIEF: Self = Self {
        all: 100_000,
        first: 50_000,
    };
    pub(crate) const WHOLE: Self = Self {
        all: 1_000_000,
        first: 100_000,
    };
}

/// Has so many users seen; returns the table, and whether memory grows.
pub(crate) async fn measure(dir: &Path, users: Users) -> Result<Table, Failure> {
    let Users { all, first } = users;
    eprintln!("measuring: {all} users, one after the other");
    let disk = Disk::shop(dir).await?;
    let seeded = Seeded::from_one(dir).await?;
    seeded.write(&*disk.store, all).await?;
    let data = disk.closed().await?;
    let server = ServerProcess::start(service(data.path(), all)?)?;
    let come = [0..0, 0..first, first..all];
    let [none, first, others] = come.map(|visits| Seen::after(visits, &server));
    let seen = [none.await?, first.await?, others.await?];
    Ok(table(all, &seen))
}

/// Fewer users have a smaller cache of the store: until it is full, memory grows.
fn service(data: &Path, users: u64) -> Result<Service, Failure> {
    let whole = Service::of(data);
    let cache = u64::try_from(whole.cache)? * users / Users::WHOLE.all;
    Ok(Service {
        cache: usize::try_from(cache)?,
        flags: vec!["--max-residents".to_owned(), RESIDENTS.to_string()],
        ..whole
    })
}

/// Users who come in turn.
struct Visits {
    tokens: AccessTokens,
    next: AtomicU64,
    end: u64,
}

impl Visits {
    fn new(users: Range<u64>) -> Result<Arc<Self>, Failure> {
        Ok(Arc::new(Self {
            tokens: AccessTokens::new(&Secret::parse(SECRET)?, Sources::system()),
            next: AtomicU64::new(users.start),
            end: users.end,
        }))
    }

    async fn make(self: Arc<Self>, address: SocketAddr) -> Result<(), Failure> {
        let connections = (0..CONNECTIONS).map(|_| {
            let visits = self.clone();
            async move { tokio::spawn(visits.one_after_the_other(address)).await? }
        });
        try_join_all(connections).await?;
        Ok(())
    }

    async fn one_after_the_other(self: Arc<Self>, address: SocketAddr) -> Result<(), Failure> {
        let mut connection = Connection::open(address).await?;
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.end {
                return Ok(());
            }
            let user = Seeded::id(number);
            let token = self.tokens.issue(user, vec!["user".to_owned()], 0).token;
            let look = get("/api/v1/cart", Some(&token));
            connection.exchange(&look).await?;
            if number.is_multiple_of(CHANGING) {
                let body = r#"{"product_id":"hot","quantity":1}"#;
                let add = request("POST", "/api/v1/cart/items", Some(&token), body);
                connection.exchange(&add).await?;
            }
        }
    }
}

/// What the server has in memory once so many have come.
struct Seen {
    users: u64,
    /// How long the latest of them took.
    took: Duration,
    memory: Memory,
}

impl Seen {
    async fn after(visits: Range<u64>, server: &ServerProcess) -> Result<Self, Failure> {
        let (users, began) = (visits.end, Instant::now());
        Visits::new(visits)?.make(server.address).await?;
        Ok(Self {
            users,
            took: began.elapsed(),
            memory: server.memory()?,
        })
    }
}

/// Markdown, a line for each time that memory was looked at: before all, after the first, and
/// after the last.
fn table(users: u64, seen: &[Seen; 3]) -> Table {
    let mut text = format!(
        "| of {users} users seen in turn, {RESIDENTS} resident | memory | peak | in | target |\n\
         |---|---|---|---|---|\n"
    );
    let [_, first, last] = seen;
    let grown = ratio(last.memory.resident, first.memory.resident);
    let misses = grown > TARGET;
    for (at, seen) in seen.iter().enumerate() {
        let verdict = match (at, misses) {
            (2, true) => format!("{grown:.2}, at most {TARGET}: missed"),
            (2, false) => format!("{grown:.2}, at most {TARGET}: met"),
            _ => "-".to_owned(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} MiB | {} MiB | {:.0} s | {verdict} |",
            seen.users,
            seen.memory.resident / 1024,
            seen.memory.peak / 1024,
            seen.took.as_secs_f64(),
        );
    }
    (text, misses)
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn ratio(after: u64, before: u64) -> f64 {
    after as f64 / before as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_may_grow_by_a_tenth_after_the_first_users() {
        let of = |resident: [u64; 3]| {
            let seen = resident.map(|resident| Seen {
                users: 1,
                took: Duration::ZERO,
                memory: Memory {
                    resident,
                    peak: resident,
                },
            });
            table(100, &seen).1
        };
        assert!(!of([1, 100, 110]));
        assert!(of([1, 100, 111]));
    }
}
