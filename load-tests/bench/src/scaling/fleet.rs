//! Nodes of one keyspace, each a process as it is shipped, behind HAProxy with the configuration
//! that is delivered, and behind one that knows nothing of users; and customers who ask them.

use crate::Failure;
use crate::cpu_time::CpuTime;
use crate::keyspace::Keyspace;
use crate::open_loop::{Kind, Offer, Way};
use crate::process::{Mortal, NodeProcess, StartingNode};
use crate::rows::nodes::{changes, settled};
use crate::served::{Customer, customers};
use crate::wire::{Connection, Request, get};
use cartwright::import::demo;
use cartwright::sources::Sources;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Customers, with a connection each, for each of the nodes.
const CUSTOMERS: usize = 16;
/// Products of the demo catalogue that are looked at.
const PRODUCTS: u32 = 40;
/// How long HAProxy may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);
const CONFIGURATION: &str = include_str!("../../../../deploy/haproxy/haproxy.cfg");

/// Some nodes, each HAProxy, and what their customers do.
pub(crate) struct Fleet {
    nodes: Vec<NodeProcess>,
    keyspace: Keyspace,
    /// In the order of [`Balancing`].
    entrances: [Entrance; 2],
    _dir: TempDir,
}

/// One HAProxy.
struct Entrance {
    haproxy: Mortal,
    /// In the order of [`Asked`].
    offers: [Offer; 3],
}

/// What customers ask for.
#[derive(Clone, Copy)]
pub(crate) enum Asked {
    /// A product: every node has the catalogue.
    Product,
    /// Their carts: one node has each.
    Cart,
    /// A change of their carts.
    Change,
}

/// Which node is asked.
#[derive(Clone, Copy)]
pub(crate) enum Balancing {
    /// Who has the user, as it is delivered.
    Delivered,
    /// All of them in turn.
    InTurn,
}

impl Fleet {
    /// So many nodes on a CQL server, in a keyspace of their own.
    pub(crate) async fn start(server: &str, count: usize) -> Result<Self, Failure> {
        eprintln!("starting {count} of 1, 3 and 6 nodes");
        let keyspace = Keyspace::named(server, &format!("cartwright_bench_{count}")).await?;
        let store = keyspace.store().await?;
        demo::load_into_empty(&store, &Sources::system()).await?;
        let url = format!("scylla://{server}/{}", keyspace.name());
        let dir = TempDir::new()?;
        let numbers = 1..=count;
        let nodes = numbers.map(|number| {
            let log = dir.path().join(format!("node-{number}.log"));
            StartingNode::start(&format!("node-{number}"), &url, log)
        });
        // All of them before the first is waited for.
        let starting = nodes.collect::<Result<Vec<_>, Failure>>()?;
        let nodes = starting.into_iter().map(StartingNode::served);
        let nodes = nodes.collect::<Result<Vec<_>, Failure>>()?;
        settled(&store, count).await?;
        let any = nodes.first().ok_or("no nodes")?.address;
        let customers = customers(any, u64::try_from(count * CUSTOMERS)?).await?;
        let entrance = |balancing| Entrance::open(dir.path(), &nodes, balancing, &customers);
        let delivered = entrance(Balancing::Delivered).await?;
        let in_turn = entrance(Balancing::InTurn).await?;
        Ok(Self {
            entrances: [delivered, in_turn],
            nodes,
            keyspace,
            _dir: dir,
        })
    }

    /// How many nodes there are.
    pub(crate) fn count(&self) -> usize {
        self.nodes.len()
    }

    /// What its customers do.
    pub(crate) fn offer(&self, asked: Asked, balancing: Balancing) -> &Offer {
        &self.entrances[balancing as usize].offers[asked as usize]
    }

    /// What its nodes have had of the processors until now. HAProxy is not counted.
    pub(crate) fn cpu_time(&self) -> Result<CpuTime, Failure> {
        CpuTime::of(self.nodes.iter().map(NodeProcess::id))
    }

    /// Ends them, and removes what they had.
    pub(crate) async fn end(self) -> Result<(), Failure> {
        drop((self.entrances.map(|entrance| entrance.haproxy), self.nodes));
        self.keyspace.remove().await
    }
}

impl Entrance {
    async fn open(
        dir: &Path,
        nodes: &[NodeProcess],
        balancing: Balancing,
        customers: &[Customer],
    ) -> Result<Self, Failure> {
        let address = free_address()?;
        let addresses: Vec<_> = nodes.iter().map(|node| node.address).collect();
        let file = dir.join(format!("haproxy-{}.cfg", balancing as usize));
        std::fs::write(&file, configuration(&addresses, balancing))?;
        let haproxy = haproxy(&file, address)?;
        is_there(address).await?;
        Ok(Self {
            haproxy,
            offers: offers(address, customers).await?,
        })
    }
}

/// One on which nobody listens.
fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn haproxy(file: &Path, listen: SocketAddr) -> Result<Mortal, Failure> {
    let mut command = Command::new("haproxy");
    command.args(["-q", "-db", "-f"]).arg(file);
    command.env("CARTWRIGHT_HAPROXY_LISTEN", listen.to_string());
    match command.stdout(Stdio::null()).spawn() {
        Ok(child) => Ok(Mortal(child)),
        Err(error) => Err(format!("haproxy cannot be started: {error}").into()),
    }
}

/// What is delivered for three nodes, for these.
fn configuration(nodes: &[SocketAddr], balancing: Balancing) -> String {
    let is_kept = |line: &str| match line.split_whitespace().next() {
        Some("server") => false,
        Some("use-server") => matches!(balancing, Balancing::Delivered),
        _ => true,
    };
    let delivered = CONFIGURATION.lines().filter(|line| is_kept(line));
    let mut lines: Vec<String> = delivered.map(str::to_owned).collect();
    for (number, address) in (1..).zip(nodes) {
        lines.push(format!("    server node-{number} {address}"));
    }
    lines.join("\n") + "\n"
}

/// Waits until HAProxy has a node answer.
async fn is_there(address: SocketAddr) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Ok(mut connection) = Connection::open(address).await
            && let Ok((200, _)) = connection.ask(&get("/ready", None)).await
        {
            return Ok(());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Err("HAProxy does not answer".into())
}

async fn offers(address: SocketAddr, customers: &[Customer]) -> Result<[Offer; 3], Failure> {
    let (mut products, mut carts, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    for customer in customers {
        let product = |number| get(&format!("/api/v1/catalog/products/prod-{number}"), None);
        products.push(way(Kind::Read, (1..=PRODUCTS).map(product).collect()));
        carts.push(way(Kind::Read, vec![cart(customer)]));
        changed.push(way(Kind::Change, changes(address, customer).await?));
    }
    Ok([products, carts, changed].map(|ways| Offer::new(address, ways)))
}

fn cart(customer: &Customer) -> Request {
    get("/api/v1/cart", Some(&customer.token))
}

/// The same requests over and over, in turn.
fn way(kind: Kind, requests: Vec<Request>) -> Way {
    Arc::new(move |step| (kind, Arc::clone(&requests[step % requests.len()])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_delivered_is_made_for_any_number_of_nodes() {
        let nodes = [1, 2].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let made = configuration(&nodes, Balancing::Delivered);
        let servers: Vec<_> = made
            .lines()
            .filter(|line| line.starts_with("    server node"))
            .collect();
        assert_eq!(
            servers,
            [
                "    server node-1 127.0.0.1:1",
                "    server node-2 127.0.0.1:2"
            ]
        );
        let others = |text: &str| text.lines().count();
        assert_eq!(others(&made) - 2, others(CONFIGURATION) - 3);
        let in_turn = configuration(&nodes, Balancing::InTurn);
        assert_eq!(others(&in_turn), others(&made) - 1);
        assert!(made.contains("use-server ") && !in_turn.contains("use-server "));
    }
}
