//! Carts of many users, each changed by its own client: through the actors, at the directory or
//! over HTTP, and by tasks that commit the same bytes to the same store.

use crate::Failure;
use crate::data::{Data, Place};
use crate::keyspace::Bare;
use crate::measure::{Row, Sample};
use crate::served::{Served, customers};
use crate::wire::{Clients, Connection, Meanwhile, cycle, request};
use crate::world::{CLIENTS, World, closed_loop, soon};
use async_trait::async_trait;
use cartwright::actors::user::Users;
use cartwright::domain::cart::Cart;
use cartwright::domain::ids::{LineId, UserId};
use cartwright::domain::user::{Command, Request};
use cartwright::sources::Sources;
use cartwright::store::encoding::encode;
use cartwright::store::{Change, Commit, Store, UserWrite, WriteId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;
use uuid::Uuid;

/// Lines of each cart.
const LINES: u64 = 3;
/// Quantities that a line is set to, one after the other: each is a change.
const QUANTITIES: u64 = 900;

pub(crate) struct ManyCarts {
    carts: Arc<[Plain]>,
    committer: Arc<Committer>,
    sources: Sources,
    through: Through,
}

/// What a task of the baseline commits.
struct Plain {
    /// Whose cart the subject changes.
    user: UserId,
    cart: Arc<Cart>,
    /// The cart as it is stored.
    bytes: Vec<u8>,
    /// Whose cart the baseline writes, and its version.
    beside: UserId,
    version: AtomicU64,
}

/// With what the baseline commits: without a server the store, with one the driver alone.
enum Committer {
    Store(Arc<dyn Store>),
    Bare(Box<Bare>),
}

/// Where the changes enter.
enum Through {
    Directory {
        world: Box<World>,
        users: Users,
        next: Arc<AtomicU64>,
    },
    Http {
        clients: Clients,
        _served: Served,
        _data: Data,
    },
}

impl ManyCarts {
    pub(crate) async fn at_the_directory(place: &Place) -> Result<Self, Failure> {
        let world = World::new(place).await?;
        let mut carts = Vec::new();
        for _ in 0..CLIENTS {
            let user = world.shopper(LINES).await?;
            carts.push(plain(user, world.stored(user).await?.cart, &world.sources));
        }
        Ok(Self {
            carts: carts.into(),
            committer: Committer::new(&world.data).await?,
            sources: world.sources.clone(),
            through: Through::Directory {
                users: world.system.users(),
                world: Box::new(world),
                next: Arc::default(),
            },
        })
    }

    pub(crate) async fn over_http(place: &Place) -> Result<Self, Failure> {
        let (data, sources) = (Data::open(place).await?, Sources::system());
        let served = Served::product(data.reopened()).await?;
        let (mut carts, mut scripts) = (Vec::new(), Vec::new());
        let mut connection = Connection::open(served.address).await?;
        for customer in customers(served.address, CLIENTS).await? {
            let token = Some(customer.token.as_str());
            for line in 0..LINES {
                let body = format!(
                    r#"{{"product_id":"hot","quantity":1,"attributes":{{"engraving":"{line}"}}}}"#
                );
                let add = request("POST", "/api/v1/cart/items", token, &body);
                connection.exchange(&add).await?;
            }
            let user = UserId(Uuid::parse_str(&customer.id)?);
            let cart = data.store().user(user).await?.value.cart;
            let set = |number: u64| {
                let lines = &cart.lines;
                let line = lines[usize::try_from(number % LINES).unwrap_or_default()].id;
                let quantity = number % QUANTITIES + 2;
                let body = format!(r#"{{"quantity":{quantity}}}"#);
                let path = format!("/api/v1/cart/items/{line}");
                request("PATCH", &path, token, &body)
            };
            scripts.push(cycle((0..QUANTITIES).map(set).collect()));
            carts.push(plain(user, cart, &sources));
        }
        let address = served.address;
        Ok(Self {
            carts: carts.into(),
            committer: Committer::new(&data).await?,
            sources,
            through: Through::Http {
                clients: Clients {
                    address,
                    scripts,
                    meanwhile: Meanwhile::Doze,
                },
                _served: served,
                _data: data,
            },
        })
    }
}

fn plain(user: UserId, cart: Cart, sources: &Sources) -> Plain {
    Plain {
        user,
        bytes: encode(&cart),
        cart: Arc::new(cart),
        beside: UserId(sources.entropy.uuid()),
        version: AtomicU64::new(0),
    }
}

impl Committer {
    async fn new(data: &Data) -> Result<Arc<Self>, Failure> {
        Ok(Arc::new(match data {
            Data::Disk(_) => Self::Store(data.store()),
            Data::Keyspace(keyspace, _) => Self::Bare(Box::new(Bare::connect(keyspace).await?)),
        }))
    }

    async fn commit(&self, plain: &Plain, write: Uuid) -> Result<(), Failure> {
        let expected = plain.version.fetch_add(1, Ordering::Relaxed);
        let store = match self {
            Self::Store(store) => store,
            Self::Bare(bare) => {
                let (user, cart) = (plain.beside, &plain.bytes);
                return bare.commit_cart(user, expected, write, cart).await;
            }
        };
        let user_write = UserWrite {
            cart: Some(plain.cart.clone()),
            ..UserWrite::default()
        };
        let commit = Commit {
            expected,
            write: WriteId(write),
            change: Change::User(plain.beside, user_write),
        };
        Ok(store.commit(commit).await?)
    }
}

#[async_trait]
impl Row for ManyCarts {
    async fn baseline(&self, end: Instant) -> Result<Sample, Failure> {
        let (carts, committer) = (self.carts.clone(), self.committer.clone());
        let sources = self.sources.clone();
        closed_loop(end, move |client| {
            let (carts, committer) = (carts.clone(), committer.clone());
            let write = sources.entropy.uuid();
            async move {
                let plain = &carts[usize::try_from(client)?];
                committer.commit(plain, write).await
            }
        })
        .await
    }

    async fn subject(&self, end: Instant) -> Result<Sample, Failure> {
        let (users, next) = match &self.through {
            Through::Http { clients, .. } => return clients.run(end).await,
            Through::Directory { users, next, .. } => (users.clone(), next.clone()),
        };
        let carts = self.carts.clone();
        closed_loop(end, move |client| {
            let (users, next, carts) = (users.clone(), next.clone(), carts.clone());
            async move {
                let plain = &carts[usize::try_from(client)?];
                let number = next.fetch_add(1, Ordering::Relaxed);
                let line: LineId = plain.cart.lines[usize::try_from(number % LINES)?].id;
                let quantity = i64::try_from(number % QUANTITIES + 1)?;
                let set = Command::SetQuantity { line, quantity };
                users.ask(plain.user, Request::of(set, 0), soon()).await?;
                Ok(())
            }
        })
        .await
    }

    async fn close(&self) -> Result<(), Failure> {
        if let Through::Directory { world, .. } = &self.through {
            world.stop().await;
        }
        Ok(())
    }
}
