//! Nodes of one keyspace as processes of their own.

use crate::app::SECRET;
use crate::cql::Keyspace;
use crate::load::GOODS;
use crate::process::binary::{Server, Shop, cartwright, finish};
use cartwright::sources::SystemClock;
use reqwest::Client;
use serde_json::Value;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

/// After so long without a sign of life a node is dead.
pub const DETECTION: Duration = Duration::from_secs(3);
/// How long nodes may take to agree.
const AGREEMENT_TIME: Duration = Duration::from_secs(30);
const CLUSTER_SECRET: &str = "w7Kp2vXc9Rb4Nq8Zt1Ly6Hs3Gf5Jd0Me";
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// A keyspace with goods, and what its nodes have in common.
pub struct Fleet {
    server: String,
    keyspace: Keyspace,
    shop: Shop,
    client: Client,
}

/// A node that runs, and where it is started again.
pub struct Node {
    pub name: String,
    pub server: Server,
    ports: Ports,
    store: String,
}

/// Where a node listens: for everybody, and for operators.
#[derive(Clone, Copy)]
struct Ports(u16, u16);

impl Fleet {
    /// One without nodes, on this server.
    pub async fn on(server: &str) -> Self {
        let keyspace = Keyspace::lend(server).await;
        let shop = Shop::new();
        let goods = shop.write("goods.ndjson", GOODS);
        let store = format!("scylla://{server}/{}", keyspace.options().keyspace);
        let mut import = cartwright(&["import", "--store", &store]);
        let imported = finish(import.arg(goods));
        assert_eq!(imported.code, Some(0), "{imported:?}");
        Self {
            server: server.to_owned(),
            keyspace,
            shop,
            client: Client::builder().timeout(DETECTION).build().unwrap(),
        }
    }

    /// Starts a node.
    pub fn start(&self, name: &str) -> Node {
        self.start_through(name, &self.server)
    }

    /// Starts a node that reaches the store by this address.
    pub fn start_through(&self, name: &str, store: &str) -> Node {
        let ports = Ports(free_port(), free_port());
        Node {
            name: name.to_owned(),
            server: self.serve(name, ports, store),
            ports,
            store: store.to_owned(),
        }
    }

    /// Starts a node again that has ended.
    pub fn start_again(&self, ended: Ended) -> Node {
        let Ended { name, ports, store } = ended;
        Node {
            server: self.serve(&name, ports, &store),
            name,
            ports,
            store,
        }
    }

    fn serve(&self, name: &str, Ports(public, operations): Ports, store: &str) -> Server {
        let store = format!("scylla://{store}/{}", self.keyspace.options().keyspace);
        let mut command: Command = cartwright(&["serve", "--store", &store, "--node-name", name]);
        command.args(["--listen", &format!("127.0.0.1:{public}")]);
        command.args(["--ops-listen", &format!("127.0.0.1:{operations}")]);
        command.args(["--cluster-listen", "127.0.0.1:0", "--rate-limit", "off"]);
        command.args(["--cluster-detection", &format!("{}s", DETECTION.as_secs())]);
        command.args(["--demo-catalog", "off", "--trusted-proxies", "127.0.0.1"]);
        command.env("CARTWRIGHT_JWT_SECRET", SECRET);
        command.env("CARTWRIGHT_CLUSTER_SECRET", CLUSTER_SECRET);
        block_in_place(|| self.shop.started_as(name, &mut command))
    }

    /// What is sold there, as the store has it.
    pub async fn stock(&self) -> crate::history::Stock {
        crate::load::stock(&self.keyspace.store(Arc::new(SystemClock)).await).await
    }

    /// Waits until these nodes, and no others, are in one view that all of them know, and nothing is
    /// under way from one to another. Returns how long that took.
    pub async fn agrees(&self, nodes: &[&Node]) -> Duration {
        let begun = Instant::now();
        let mut names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        names.sort_unstable();
        loop {
            let mut told = Vec::new();
            for node in nodes {
                told.push(self.told_by(node).await);
            }
            let first = told.first().and_then(Option::as_ref).cloned();
            let is_agreed = told.iter().all(|one| *one == first);
            if is_agreed && first.is_some_and(|(_, is_settled, all)| is_settled && all == names) {
                return begun.elapsed();
            }
            let late = begun.elapsed() > AGREEMENT_TIME;
            assert!(!late, "{names:?} do not agree: {told:?}");
            sleep(PAUSE).await;
        }
    }

    /// View, whether it is settled, and who is in it.
    async fn told_by(&self, node: &Node) -> Option<(u64, bool, Vec<String>)> {
        let url = format!("http://127.0.0.1:{}/cluster", node.ports.1);
        let answer = self.client.get(url).send().await.ok()?;
        let told: Value = answer.json().await.ok()?;
        let nodes = told["nodes"].as_array()?.iter();
        let mut names: Vec<String> = nodes
            .filter_map(|node| Some(node["name"].as_str()?.to_owned()))
            .collect();
        names.sort_unstable();
        Some((told["view"].as_u64()?, told["is_settled"].as_bool()?, names))
    }

    /// Waits until the node says that it should get requests.
    pub async fn is_ready(&self, node: &Node) {
        let begun = Instant::now();
        let url = format!("{}/ready", node.server.url);
        loop {
            let answer = self.client.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            let late = begun.elapsed() > AGREEMENT_TIME;
            assert!(!late, "{} is not ready:\n{}", node.name, node.server.log());
            sleep(PAUSE).await;
        }
    }
}

/// A node that has ended, and may start again where it was.
pub struct Ended {
    name: String,
    ports: Ports,
    store: String,
}

impl Node {
    /// `host:port`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.0)
    }

    /// The port for operators.
    pub fn operations(&self) -> u16 {
        self.ports.1
    }

    /// Shows what it has warned of.
    pub fn tell_warnings(&self) {
        let log = self.server.log();
        for line in log.lines().filter(|line| line.contains(" WARN ")) {
            println!("{} warned: {line}", self.name);
        }
    }

    /// SIGTERM, and waits for the end, which must be a clean one. Shows what it had warned of.
    pub fn stop(mut self) -> Ended {
        self.server.signal("TERM");
        let (status, _) = block_in_place(|| self.server.wait());
        assert!(status.success(), "{}", self.server.log());
        self.tell_warnings();
        Ended {
            name: self.name,
            ports: self.ports,
            store: self.store,
        }
    }

    /// SIGKILL.
    pub fn kill(self) -> Ended {
        self.server.kill();
        Ended {
            name: self.name,
            ports: self.ports,
            store: self.store,
        }
    }
}

/// One on which nobody listens.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
