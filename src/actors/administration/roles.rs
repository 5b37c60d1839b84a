//! The roles as this node knows them: re-read all the time, and not trusted for long without.

use crate::actors::Failure;
use crate::actors::supervisor::Periodic;
use crate::domain::access::RoleBook;
use crate::store::{Error, Result, Store, Version, Versioned};
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The pause between two readings.
const EVERY: Duration = Duration::from_secs(2);
/// How long one reading may take.
const READ_TIME: Duration = Duration::from_secs(2);
/// How old what is known may be where it decides something.
const MAX_AGE: Duration = Duration::from_secs(5);

/// The roles as this node knows them. Cheap to clone; clones share them.
#[derive(Clone)]
pub struct Roles(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    known: ArcSwap<Known>,
}

#[derive(Clone)]
struct Known {
    book: Arc<RoleBook>,
    version: Version,
    /// When the reading began that it is of; `None` before the first.
    as_of: Option<Instant>,
}

impl Roles {
    /// Reads them. Where that fails they are not current until it succeeds.
    pub(crate) async fn load(store: Arc<dyn Store>) -> Self {
        let unread = Known {
            book: Arc::new(RoleBook::built_in()),
            version: 0,
            as_of: None,
        };
        let roles = Self(Arc::new(Inner {
            store,
            known: ArcSwap::from_pointee(unread),
        }));
        roles.refresh().await;
        roles
    }

    /// Re-reads them from time to time.
    pub(crate) fn refreshing(&self) -> Periodic {
        let roles = self.clone();
        Periodic {
            name: "roles",
            every: EVERY,
            job: Arc::new(move || {
                let roles = roles.clone();
                Box::pin(async move { roles.refresh().await })
            }),
        }
    }

    /// The roles, where they may decide what somebody may do.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] where they could not be read for too long.
    pub fn current(&self) -> std::result::Result<Arc<RoleBook>, Failure> {
        let known = self.0.known.load();
        match known.as_of {
            Some(as_of) if as_of.elapsed() < MAX_AGE => Ok(known.book.clone()),
            _ => Err(Failure::Unavailable),
        }
    }

    /// The roles as they were last known: good enough to name them.
    #[must_use]
    pub fn last_known(&self) -> Arc<RoleBook> {
        self.0.known.load().book.clone()
    }

    /// The roles as the store has them now.
    pub(super) async fn read(&self) -> Result<Versioned<Arc<RoleBook>>> {
        let begun = Instant::now();
        let Versioned { version, value } = self.0.store.roles().await?;
        let value = Arc::new(value.unwrap_or_else(RoleBook::built_in));
        self.learn(value.clone(), version, begun);
        Ok(Versioned { version, value })
    }

    /// Takes notice of the roles at a version, as of an instant. What is older than what is known
    /// changes nothing.
    pub(super) fn learn(&self, book: Arc<RoleBook>, version: Version, as_of: Instant) {
        self.0.known.rcu(|known| {
            if version < known.version {
                return known.clone();
            }
            Arc::new(Known {
                book: book.clone(),
                version,
                as_of: known.as_of.max(Some(as_of)),
            })
        });
    }

    async fn refresh(&self) {
        let read = timeout(READ_TIME, self.read()).await;
        let read = read.unwrap_or_else(|_| Err(Error::Unavailable("timed out".to_owned())));
        if let Err(error) = read {
            tracing::warn!(%error, "roles.refresh.failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::RoleText;
    use crate::domain::ids::RoleId;
    use crate::sources::SystemClock;
    use crate::store::fault::{Fault, FaultPlan, FaultyStore, Op};
    use crate::store::memory::MemoryStore;
    use crate::store::{Change, Commit, Commits, WriteId};
    use tokio::time::advance;
    use uuid::Uuid;

    type TestStore = FaultyStore<MemoryStore>;

    fn store() -> TestStore {
        FaultyStore::new(MemoryStore::new(Arc::new(SystemClock)), FaultPlan::NONE)
    }

    fn with_role(name: &str) -> RoleBook {
        let mut book = RoleBook::built_in();
        let text = RoleText {
            name: name.to_owned(),
            description: None,
        };
        book.create_role(RoleId(Uuid::nil()), text).unwrap();
        book
    }

    async fn write(store: &TestStore, expected: Version, book: RoleBook) {
        let commit = Commit {
            expected,
            write: WriteId(Uuid::from_u128(expected.into())),
            change: Change::Roles(book),
        };
        store.inner().commit(commit).await.unwrap();
    }

    fn fail_reads(store: &TestStore, fail: bool) {
        store.script(move |op| (fail && matches!(op, Op::Read(_))).then_some(Fault::Refused));
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_read_for_five_seconds_decides_nothing() {
        let store = store();
        let roles = Roles::load(Arc::new(store.clone())).await;
        assert!(roles.current().is_ok());
        fail_reads(&store, true);
        advance(Duration::from_millis(4_999)).await;
        roles.refresh().await;
        assert!(roles.current().is_ok());
        advance(Duration::from_millis(1)).await;
        assert!(matches!(roles.current(), Err(Failure::Unavailable)));
        assert_eq!(*roles.last_known(), RoleBook::built_in());
        fail_reads(&store, false);
        roles.refresh().await;
        assert!(roles.current().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reading_is_as_old_as_its_beginning() {
        let store = store();
        let roles = Roles::load(Arc::new(store.clone())).await;
        let slow = Duration::from_millis(1_900);
        store.script(move |_| Some(Fault::Slow(slow)));
        roles.refresh().await;
        advance(Duration::from_millis(3_099)).await;
        assert!(roles.current().is_ok());
        advance(Duration::from_millis(2)).await;
        assert!(roles.current().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_starts_without_a_store_waits_for_it() {
        let store = store();
        fail_reads(&store, true);
        let roles = Roles::load(Arc::new(store.clone())).await;
        assert!(roles.current().is_err());
        fail_reads(&store, false);
        roles.refresh().await;
        assert!(roles.current().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reading_that_was_overtaken_changes_nothing() {
        let store = store();
        let roles = Roles::load(Arc::new(store.clone())).await;
        write(&store, 0, with_role("packer")).await;
        write(&store, 1, with_role("sender")).await;
        roles.refresh().await;
        roles.learn(Arc::new(with_role("packer")), 1, Instant::now());
        assert!(roles.last_known().role_named("sender").is_some());
        assert!(roles.last_known().role_named("packer").is_none());
    }
}
