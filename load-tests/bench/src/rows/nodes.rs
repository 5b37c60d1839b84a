//! Two nodes over one store: what a request costs that lands on the one which has not the actor.

use crate::Failure;
use crate::measure::{Row, Sample, Unit};
use crate::served::{Customer, Served, customers};
use crate::wire::{Clients, Connection, Meanwhile, cycle, get, request};
use async_trait::async_trait;
use cartwright::cluster::{KeyHash, owner_in};
use cartwright::domain::ids::UserId;
use cartwright::import::demo;
use cartwright::sources::{Sources, SystemClock};
use cartwright::store::Store;
use cartwright::store::memory::MemoryStore;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Of so many customers, one at least is the second node's.
const CUSTOMERS: u64 = 32;
/// How long the nodes may take to agree.
const PATIENCE: Duration = Duration::from_secs(30);

/// One customer's requests, at the node that has the customer's actor and at the other.
pub(crate) struct Nodes {
    right: Clients,
    wrong: Clients,
    _served: [Served; 2],
}

/// What the customer does.
#[derive(Clone, Copy)]
pub(crate) enum Asked {
    /// Looks at the cart.
    Cart,
    /// Changes it.
    Change,
}

impl Nodes {
    pub(crate) async fn new(asked: Asked) -> Result<Self, Failure> {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
        demo::load_into_empty(&*store, &Sources::system()).await?;
        let first = Served::node("first", store.clone()).await?;
        let second = Served::node("second", store.clone()).await?;
        settled(&*store, 2).await?;
        let customers = customers(first.address, CUSTOMERS).await?;
        let customer = of_second(&*store, customers).await?;
        let requests = match asked {
            Asked::Cart => vec![get("/api/v1/cart", Some(&customer.token))],
            Asked::Change => changes(second.address, &customer).await?,
        };
        let clients = |address: SocketAddr| Clients {
            address,
            scripts: vec![cycle(requests.clone())],
            meanwhile: Meanwhile::Sleep,
        };
        Ok(Self {
            right: clients(second.address),
            wrong: clients(first.address),
            _served: [first, second],
        })
    }
}

/// Waits until so many nodes have adopted the view of all of them.
pub(crate) async fn settled(store: &dyn Store, nodes: usize) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let view = store.view().await?;
        let mut adopted = 0;
        for member in &view.value.members {
            let row = store.node(member.id).await?.value;
            adopted += usize::from(row.is_some_and(|row| row.handed == view.version));
        }
        if adopted == nodes {
            // And know of each other that they have.
            sleep(Duration::from_secs(2)).await;
            return Ok(());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Err(format!("{nodes} nodes do not agree").into())
}

/// A customer whose actor is on the second node.
async fn of_second(store: &dyn Store, customers: Vec<Customer>) -> Result<Customer, Failure> {
    let view = store.view().await?.value;
    for customer in customers {
        let key = KeyHash::user(UserId(Uuid::parse_str(&customer.id)?));
        if owner_in(&view, key).is_some_and(|owner| owner.name == "second") {
            return Ok(customer);
        }
    }
    Err("the second node has no customer".into())
}

/// Sets a line to one quantity after the other.
pub(crate) async fn changes(
    address: SocketAddr,
    customer: &Customer,
) -> Result<Vec<Arc<[u8]>>, Failure> {
    let token = Some(customer.token.as_str());
    let add = request(
        "POST",
        "/api/v1/cart/items",
        token,
        r#"{"product_id":"prod-1","quantity":1}"#,
    );
    let mut connection = Connection::open(address).await?;
    let added: serde_json::Value = serde_json::from_slice(connection.exchange(&add).await?)?;
    let line = added["data"]["items"][0]["id"].as_str();
    let path = format!("/api/v1/cart/items/{}", line.ok_or("no line")?);
    let set = |quantity| {
        request(
            "PATCH",
            &path,
            token,
            &format!(r#"{{"quantity":{quantity}}}"#),
        )
    };
    Ok((1..5).map(set).collect())
}

#[async_trait]
impl Row for Nodes {
    fn unit(&self) -> Unit {
        Unit::P50
    }

    async fn baseline(&self, end: Instant) -> Result<Sample, Failure> {
        self.right.run(end).await
    }

    async fn subject(&self, end: Instant) -> Result<Sample, Failure> {
        self.wrong.run(end).await
    }
}
