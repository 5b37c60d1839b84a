//! One user's cart, changed by many clients at once: through the actor, whose output gate has one
//! commit carry all that were decided meanwhile, and one commit for each change.

use crate::Failure;
use crate::data::Place;
use crate::measure::{Row, Sample};
use crate::world::{CLIENTS, World, closed_loop, soon};
use async_trait::async_trait;
use cartwright::actors::user::Users;
use cartwright::domain::cart::Cart;
use cartwright::domain::ids::{LineId, UserId};
use cartwright::domain::user::{Command, Request};
use cartwright::store::{Change, Commit, UserWrite, WriteId};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tokio::time::Instant;

/// Lines of the cart.
const LINES: u64 = 8;
/// Quantities that a line is set to, one after the other: each is a change.
const QUANTITIES: i64 = 900;

pub(crate) struct HotCart {
    world: World,
    users: Users,
    user: UserId,
    lines: Arc<[LineId]>,
    cart: Arc<Cart>,
    next: Arc<AtomicI64>,
    plain: UserId,
    version: AtomicU64,
}

impl HotCart {
    pub(crate) async fn new(place: &Place) -> Result<Self, Failure> {
        let world = World::new(place).await?;
        let user = world.shopper(LINES).await?;
        let cart = world.stored(user).await?.cart;
        Ok(Self {
            users: world.system.users(),
            user,
            lines: cart.lines.iter().map(|line| line.id).collect(),
            cart: Arc::new(cart),
            next: Arc::default(),
            plain: UserId(world.sources.entropy.uuid()),
            version: AtomicU64::new(0),
            world,
        })
    }
}

#[async_trait]
impl Row for HotCart {
    /// The store alone: a cart of the same size, one commit after the other.
    async fn baseline(&self, end: Instant) -> Result<Sample, Failure> {
        let (store, entropy) = (self.world.store(), &self.world.sources.entropy);
        let mut done = 0;
        while Instant::now() < end {
            let write = UserWrite {
                cart: Some(self.cart.clone()),
                ..UserWrite::default()
            };
            let commit = Commit {
                expected: self.version.fetch_add(1, Ordering::Relaxed),
                write: WriteId(entropy.uuid()),
                change: Change::User(self.plain, write),
            };
            store.commit(commit).await?;
            done += 1;
        }
        Ok(Sample::Count(done))
    }

    async fn subject(&self, end: Instant) -> Result<Sample, Failure> {
        const { assert!(CLIENTS == 64, "the name says so") };
        let (users, user) = (self.users.clone(), self.user);
        let (lines, next) = (self.lines.clone(), self.next.clone());
        closed_loop(end, move |client| {
            let (users, lines, next) = (users.clone(), lines.clone(), next.clone());
            async move {
                let line = lines[usize::try_from(client % LINES)?];
                let quantity = next.fetch_add(1, Ordering::Relaxed) % QUANTITIES + 1;
                let set = Command::SetQuantity { line, quantity };
                users.ask(user, Request::of(set, 0), soon()).await?;
                Ok(())
            }
        })
        .await
    }

    async fn close(&self) -> Result<(), Failure> {
        self.world.stop().await;
        Ok(())
    }
}
