//! Whole checkouts of many users, each of a product of its own, so that no two share a write: a
//! product is put into the cart, and the cart is ordered. Through the actors, and by tasks that make
//! the same commits to the same store, each when that is done on which it rests.
//!
//! The answer to an order rests on four writes, one after the other: the cart, the attempt, the hold,
//! and the order with the emptied cart. Two more follow the answer, the sale and the removal of the
//! attempt, and only the next hold of the same item waits for them. Tasks do as much, in this order;
//! but they read nothing, while the actor of an item looks up the hold of an order twice.

use crate::Failure;
use crate::data::{OWN, Place};
use crate::measure::{Row, Sample};
use crate::world::{CLIENTS, World, add, closed_loop, order};
use async_trait::async_trait;
use cartwright::actors::user::Users;
use cartwright::domain::account::Account;
use cartwright::domain::cart::Cart;
use cartwright::domain::catalog::Attributes;
use cartwright::domain::ids::{OrderId, ProductId, Sku, UserId};
use cartwright::domain::order::{Attempt, Order};
use cartwright::domain::stock::{Hold, HoldState, StockKey, StockLevel};
use cartwright::domain::time::{Millis, Timestamp};
use cartwright::sources::Sources;
use cartwright::store::{Change, Commit, StockWrite, Store, UserWrite, Version, WriteId, bucket};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub(crate) struct Checkouts {
    world: World,
    users: Users,
    customers: Arc<[Customer]>,
}

/// A customer, and what a task commits in the place of one.
struct Customer {
    user: UserId,
    product: ProductId,
    plain: Arc<Plain>,
}

/// Partitions beside those that the actors have, and what is written to them.
struct Plain {
    store: Arc<dyn Store>,
    sources: Sources,
    user: UserId,
    account: Account,
    filled: Arc<Cart>,
    emptied: Arc<Cart>,
    order: Order,
    stock: StockKey,
    level: StockLevel,
    reached: Mutex<Reached>,
}

/// How far the partitions are.
#[derive(Default)]
struct Reached {
    user: Version,
    stock: Version,
    orders: u64,
    /// What follows the last order's answer.
    selling: Option<JoinHandle<Result<(), Failure>>>,
}

impl Checkouts {
    pub(crate) async fn new(place: &Place) -> Result<Self, Failure> {
        const { assert!(CLIENTS == 64 && OWN == 64, "the name says so") };
        let world = World::new(place).await?;
        let mut customers = Vec::new();
        for number in 0..CLIENTS {
            customers.push(customer(&world, number).await?);
        }
        Ok(Self {
            users: world.system.users(),
            customers: customers.into(),
            world,
        })
    }
}

/// Makes a customer, who orders once: that is what the task goes by.
async fn customer(world: &World, number: u64) -> Result<Customer, Failure> {
    let (users, store) = (world.system.users(), world.store());
    let user = world.user().await?;
    let product = ProductId::parse(&format!("own-{number}"))?;
    add(&users, user, &product, Attributes::new()).await?;
    let filled = world.stored(user).await?.cart;
    order(&users, user).await?;
    let stored = world.stored(user).await?;
    let placed = store.orders(user, 1, 1).await?.pop();
    let stock = StockKey::Sku(Sku::parse(&format!("OWN-{number}"))?);
    let plain = Plain {
        user: UserId(world.sources.entropy.uuid()),
        account: stored.account.ok_or("a customer without an account")?,
        filled: Arc::new(filled),
        emptied: Arc::new(stored.cart),
        order: placed.ok_or("an order is missing")?,
        level: store.stock(stock).await?.value,
        stock: StockKey::Sku(Sku::parse(&format!("PLAIN-{number}"))?),
        reached: Mutex::default(),
        sources: world.sources.clone(),
        store,
    };
    Ok(Customer {
        user,
        product,
        plain: Arc::new(plain),
    })
}

impl Plain {
    async fn checkout(self: &Arc<Self>) -> Result<(), Failure> {
        let mut reached = self.reached.lock().await;
        let now = self.sources.clock.now();
        let id = OrderId::new(now, self.sources.entropy.uuid());
        let fill = UserWrite {
            cart: Some(self.filled.clone()),
            ..UserWrite::default()
        };
        self.commit_user(&mut reached, fill).await?;
        self.store.put_attempt(self.attempt(id, now)).await?;
        if let Some(selling) = reached.selling.take() {
            selling.await??;
        }
        self.commit_hold(reached.stock, id, HoldState::Held).await?;
        reached.orders += 1;
        let placed = self.placed(id, reached.orders);
        self.commit_user(&mut reached, placed).await?;
        // Here a customer has the answer.
        let (plain, version) = (self.clone(), reached.stock + 1);
        reached.stock += 2;
        reached.selling = Some(tokio::spawn(async move {
            plain.commit_hold(version, id, HoldState::Sold).await?;
            Ok(plain.store.remove_attempt(bucket(now), id).await?)
        }));
        Ok(())
    }

    fn attempt(&self, order_id: OrderId, now: Timestamp) -> Attempt {
        Attempt {
            order_id,
            user_id: self.user,
            created_at: now,
            deadline: now.plus(Millis::seconds(30)),
            demand: vec![(self.stock.clone(), 1)],
        }
    }

    fn placed(&self, id: OrderId, seq: u64) -> UserWrite {
        let order = Order {
            id,
            seq,
            user_id: self.user,
            ..self.order.clone()
        };
        UserWrite {
            account: Some(self.account.clone()),
            cart: Some(self.emptied.clone()),
            orders: vec![order],
            keys: Vec::new(),
        }
    }

    async fn commit_user(&self, reached: &mut Reached, write: UserWrite) -> Result<(), Failure> {
        let expected = reached.user;
        reached.user += 1;
        self.commit(expected, Change::User(self.user, write)).await
    }

    async fn commit_hold(
        &self,
        expected: Version,
        order: OrderId,
        state: HoldState,
    ) -> Result<(), Failure> {
        let write = StockWrite {
            level: self.level,
            holds: vec![(order, Hold { quantity: 1, state })],
            at: self.sources.clock.now(),
        };
        let change = Change::Stock(self.stock.clone(), write);
        self.commit(expected, change).await
    }

    async fn commit(&self, expected: Version, change: Change) -> Result<(), Failure> {
        let commit = Commit {
            expected,
            write: WriteId(self.sources.entropy.uuid()),
            change,
        };
        Ok(self.store.commit(commit).await?)
    }
}

#[async_trait]
impl Row for Checkouts {
    async fn baseline(&self, end: Instant) -> Result<Sample, Failure> {
        let customers = self.customers.clone();
        closed_loop(end, move |client| {
            let customers = customers.clone();
            async move { customers[usize::try_from(client)?].plain.checkout().await }
        })
        .await
    }

    async fn subject(&self, end: Instant) -> Result<Sample, Failure> {
        let (users, customers) = (self.users.clone(), self.customers.clone());
        closed_loop(end, move |client| {
            let (users, customers) = (users.clone(), customers.clone());
            async move {
                let customer = &customers[usize::try_from(client)?];
                add(&users, customer.user, &customer.product, Attributes::new()).await?;
                order(&users, customer.user).await
            }
        })
        .await
    }

    async fn close(&self) -> Result<(), Failure> {
        self.world.stop().await;
        Ok(())
    }
}
