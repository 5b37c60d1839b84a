//! Users who never registered: their accounts and carts are written to the store as one was that did.

use crate::Failure;
use crate::data::Place;
use crate::world::{World, add};
use cartwright::domain::account::Account;
use cartwright::domain::cart::Cart;
use cartwright::domain::catalog::Attributes;
use cartwright::domain::ids::{ProductId, UserId};
use cartwright::sources::Sources;
use cartwright::store::{Change, Commit, Store, UserWrite, WriteId};
use futures::{StreamExt, TryStreamExt, stream};
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

/// Lines of each cart.
const LINES: u64 = 3;
/// Commits under way at once.
const AT_ONCE: usize = 1_024;

/// The one that the others are made from.
pub(crate) struct Seeded {
    account: Account,
    cart: Arc<Cart>,
    sources: Sources,
}

impl Seeded {
    /// Registers one, in a store of its own in this folder.
    pub(crate) async fn from_one(dir: &Path) -> Result<Self, Failure> {
        let world = World::new(&Place::Folder(dir.to_owned())).await?;
        let user = world.user().await?;
        for number in 0..LINES {
            let product = ProductId::parse(&format!("own-{number}"))?;
            add(&world.system.users(), user, &product, Attributes::new()).await?;
        }
        let stored = world.stored(user).await?;
        world.stop().await;
        Ok(Self {
            account: stored.account.ok_or("a user without an account")?,
            cart: Arc::new(stored.cart),
            sources: world.sources,
        })
    }

    /// The id of one of them.
    pub(crate) fn id(number: u64) -> UserId {
        // Spread as random ids are.
        let spread = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
        UserId(Uuid::from_u128(u128::from(number + 1).wrapping_mul(spread)))
    }

    /// Writes so many of them.
    pub(crate) async fn write(&self, store: &dyn Store, count: u64) -> Result<(), Failure> {
        stream::iter(0..count)
            .map(|number| store.commit(self.commit(Self::id(number))))
            .buffer_unordered(AT_ONCE)
            .try_for_each(|()| async { Ok(()) })
            .await?;
        Ok(())
    }

    fn commit(&self, id: UserId) -> Commit {
        let write = UserWrite {
            account: Some(Account {
                id,
                ..self.account.clone()
            }),
            cart: Some(self.cart.clone()),
            ..UserWrite::default()
        };
        Commit {
            expected: 0,
            write: WriteId(self.sources.entropy.uuid()),
            change: Change::User(id, write),
        }
    }
}
