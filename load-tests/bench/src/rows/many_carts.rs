//! Carts of many users, each changed by its own client: through the actors, at the directory or
//! over HTTP, and by tasks that commit the same bytes to the same kind of store.

use crate::Failure;
use crate::measure::{Row, Sample};
use crate::served::{Served, customers};
use crate::wire::{Clients, Connection, cycle, request};
use crate::world::{CLIENTS, Disk, World, closed_loop, soon};
use async_trait::async_trait;
use cartwright::actors::user::Users;
use cartwright::domain::cart::Cart;
use cartwright::domain::catalog::Attributes;
use cartwright::domain::ids::{LineId, ProductId, UserId};
use cartwright::domain::user::{Command, Request};
use cartwright::sources::Sources;
use cartwright::store::{Change, Commit, Commits, UserWrite, Users as _, WriteId};
use std::path::Path;
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
    plain: Disk,
    sources: Sources,
    through: Through,
}

/// What a task of the baseline commits.
struct Plain {
    user: UserId,
    cart: Arc<Cart>,
    version: AtomicU64,
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
        _disk: Disk,
    },
}

impl ManyCarts {
    pub(crate) async fn at_the_directory(dir: &Path) -> Result<Self, Failure> {
        let world = World::new(dir).await?;
        let users = world.system.users();
        let mut carts = Vec::new();
        for _ in 0..CLIENTS {
            let user = world.user().await?;
            for line in 0..LINES {
                let add = Command::AddItem {
                    product_id: ProductId::parse("hot")?,
                    variant_id: None,
                    quantity: 1,
                    attributes: Attributes::from([("engraving".to_owned(), line.to_string())]),
                };
                users.ask(user, Request::of(add, 0), soon()).await?;
            }
            carts.push(plain(user, world.stored(user).await?.cart));
        }
        Ok(Self {
            carts: carts.into(),
            plain: Disk::new(dir).await?,
            sources: world.sources.clone(),
            through: Through::Directory {
                world: Box::new(world),
                users,
                next: Arc::default(),
            },
        })
    }

    pub(crate) async fn over_http(dir: &Path) -> Result<Self, Failure> {
        let disk = Disk::new(dir).await?;
        let served = Served::product(disk.store.clone()).await?;
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
            let cart = disk.store.user(user).await?.value.cart;
            let set = |number: u64| {
                let lines = &cart.lines;
                let line = lines[usize::try_from(number % LINES).unwrap_or_default()].id;
                let quantity = number % QUANTITIES + 2;
                let body = format!(r#"{{"quantity":{quantity}}}"#);
                let path = format!("/api/v1/cart/items/{line}");
                request("PATCH", &path, token, &body)
            };
            scripts.push(cycle((0..QUANTITIES).map(set).collect()));
            carts.push(plain(user, cart));
        }
        let address = served.address;
        Ok(Self {
            carts: carts.into(),
            plain: Disk::new(dir).await?,
            sources: Sources::system(),
            through: Through::Http {
                clients: Clients { address, scripts },
                _served: served,
                _disk: disk,
            },
        })
    }
}

fn plain(user: UserId, cart: Cart) -> Plain {
    let version = AtomicU64::new(0);
    Plain {
        user,
        cart: Arc::new(cart),
        version,
    }
}

#[async_trait]
impl Row for ManyCarts {
    async fn baseline(&self, end: Instant) -> Result<Sample, Failure> {
        let (carts, store) = (self.carts.clone(), self.plain.store.clone());
        let sources = self.sources.clone();
        closed_loop(end, move |client| {
            let (carts, store, sources) = (carts.clone(), store.clone(), sources.clone());
            async move {
                let plain = &carts[usize::try_from(client)?];
                let write = UserWrite {
                    cart: Some(plain.cart.clone()),
                    ..UserWrite::default()
                };
                let commit = Commit {
                    expected: plain.version.fetch_add(1, Ordering::Relaxed),
                    write: WriteId(sources.entropy.uuid()),
                    change: Change::User(plain.user, write),
                };
                Ok(store.commit(commit).await?)
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

    async fn close(&self) {
        if let Through::Directory { world, .. } = &self.through {
            world.stop().await;
        }
    }
}
