//! What the embedded store's journal brings: 64 tasks that commit a cart each, to a store with one,
//! and to a store whose every transaction is committed in the database.

use crate::Failure;
use crate::data::{Disk, Place};
use crate::measure::{Row, Sample};
use crate::world::{CLIENTS, World, closed_loop};
use async_trait::async_trait;
use cartwright::domain::cart::Cart;
use cartwright::domain::ids::UserId;
use cartwright::sources::Sources;
use cartwright::store::embedded::Options;
use cartwright::store::{Change, Commit, Commits, UserWrite, WriteId};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

/// Lines of each cart.
const LINES: u64 = 3;

pub(crate) struct Journal {
    with: Arc<Committing>,
    without: Arc<Committing>,
}

/// A store, and whose carts are written to it, at which versions.
struct Committing {
    disk: Disk,
    cart: Arc<Cart>,
    sources: Sources,
    users: Vec<(UserId, AtomicU64)>,
}

impl Journal {
    pub(crate) async fn new(dir: &Path) -> Result<Self, Failure> {
        let world = World::new(&Place::Folder(dir.to_owned())).await?;
        let user = world.shopper(LINES).await?;
        let cart = Arc::new(world.stored(user).await?.cart);
        world.stop().await;
        let without = Options {
            journal_bytes: 0,
            ..Options::default()
        };
        Ok(Self {
            with: Committing::new(Disk::empty(dir, Options::default())?, &cart),
            without: Committing::new(Disk::empty(dir, without)?, &cart),
        })
    }
}

impl Committing {
    fn new(disk: Disk, cart: &Arc<Cart>) -> Arc<Self> {
        let sources = Sources::system();
        let user = |_| (UserId(sources.entropy.uuid()), AtomicU64::new(0));
        Arc::new(Self {
            disk,
            cart: cart.clone(),
            users: (0..CLIENTS).map(user).collect(),
            sources,
        })
    }

    async fn run(self: Arc<Self>, end: Instant) -> Result<Sample, Failure> {
        const { assert!(CLIENTS == 64, "the name says so") };
        closed_loop(end, move |client| {
            let this = self.clone();
            async move { this.commit(usize::try_from(client)?).await }
        })
        .await
    }

    async fn commit(&self, client: usize) -> Result<(), Failure> {
        let (user, version) = &self.users[client];
        let write = UserWrite {
            cart: Some(self.cart.clone()),
            ..UserWrite::default()
        };
        let commit = Commit {
            expected: version.fetch_add(1, Ordering::Relaxed),
            write: WriteId(self.sources.entropy.uuid()),
            change: Change::User(*user, write),
        };
        Ok(self.disk.store.commit(commit).await?)
    }
}

#[async_trait]
impl Row for Journal {
    async fn baseline(&self, end: Instant) -> Result<Sample, Failure> {
        self.without.clone().run(end).await
    }

    async fn subject(&self, end: Instant) -> Result<Sample, Failure> {
        self.with.clone().run(end).await
    }
}
