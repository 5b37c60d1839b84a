//! Debian's HAProxy, with the configuration that is delivered, in front of nodes: who has a user is
//! asked at once, and nobody notices when nodes are restarted one after the other.

use super::fleet::{Fleet, Node, free_port};
use super::{CUSTOMERS, Scene};
use crate::cql;
use crate::figures::Figures;
use crate::load::Shop;
use crate::process::api::{Answer, Api, Request};
use async_trait::async_trait;
use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// What every hand must get done before, between and after the restarts.
const CHANGES: u64 = 5;
/// How long HAProxy may take to begin.
const START_TIME: Duration = Duration::from_secs(30);
/// Longer than HAProxy waits for anything.
const ANSWER_TIME: Duration = Duration::from_secs(40);
/// The nodes' names, as the configuration has them.
const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];
const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/haproxy/haproxy.cfg");

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_behind_haproxy_notices_a_rolling_restart() {
    let Some(server) = cql::server() else { return };
    if !is_installed() {
        return;
    }
    let fleet = Fleet::on(&server).await;
    let mut nodes: Vec<Node> = NODES.map(|name| fleet.start(name)).into();
    let haproxy = HaProxy::before(&nodes).await;
    let shop = Arc::new(Behind::new(&haproxy.url));
    let all: Vec<&Node> = nodes.iter().collect();
    let scene = Scene::of(&fleet, &all, shop.clone()).await;
    scene.load.goes_on(CHANGES).await;

    for _ in 0..nodes.len() {
        let node = nodes.remove(0);
        scene.recorder.phase(&format!("{} is restarted", node.name));
        let node = fleet.start_again(node.stop());
        fleet.is_ready(&node).await;
        nodes.push(node);
        scene.load.goes_on(CHANGES).await;
    }
    fleet.agrees(&nodes.iter().collect::<Vec<_>>()).await;
    let asked = shop.asked.load(Ordering::Relaxed);
    let failed = shop.failed.lock().unwrap().clone();
    println!(
        "of {asked} requests through HAProxy {} failed",
        failed.len()
    );
    if !failed.is_empty() {
        nodes.iter().for_each(Node::tell_warnings);
    }
    assert_eq!(failed, Vec::<String>::new());
    scene.ends(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_has_a_user_is_asked_at_once_behind_haproxy() {
    let Some(server) = cql::server() else { return };
    if !is_installed() {
        return;
    }
    let fleet = Fleet::on(&server).await;
    let mut nodes: Vec<Node> = NODES.map(|name| fleet.start(name)).into();
    fleet.agrees(&nodes.iter().collect::<Vec<_>>()).await;
    let haproxy = HaProxy::before(&nodes).await;
    let mut customers = Vec::new();
    for number in 0..CUSTOMERS {
        let email = format!("c{number}@example.com");
        customers.push(Api::of(&haproxy.url).token(&email).await);
    }
    let client = |address: [u8; 4]| {
        let client = reqwest::Client::builder().local_address(IpAddr::from(address));
        client.build().unwrap()
    };
    let (trusted, stranger) = (client([127, 0, 0, 1]), client([127, 0, 0, 2]));
    let look = async |client: &reqwest::Client, url: &str, token: &str| {
        let cart = client.get(format!("{url}/api/v1/cart"));
        let answer = cart.bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let told = answer.headers().get("cartwright-node").cloned();
        told.map(|name| name.to_str().unwrap().to_owned())
    };

    let mut homes = Vec::new();
    for token in &customers {
        // All nodes agree on who has the user, and tell proxies alone.
        let direct = nodes.iter().map(|node| node.server.url.as_str());
        let mut told = Vec::new();
        for url in direct {
            told.extend(look(&trusted, url, token).await);
            assert_eq!(look(&stranger, url, token).await, None);
        }
        assert_eq!(told.len(), nodes.len());
        assert!(told.iter().all(|name| *name == told[0]), "{told:?}");
        assert!(NODES.contains(&told[0].as_str()), "{told:?}");
        assert_eq!(look(&trusted, &haproxy.url, token).await, None);
        homes.push(told.remove(0));
    }
    let before = calls(&nodes).await;
    for token in customers.iter().cycle().take(10 * customers.len()) {
        look(&trusted, &haproxy.url, token).await;
    }
    assert_eq!(calls(&nodes).await, before);

    // What is remembered of a node that has gone counts for nothing.
    let gone = nodes.iter().position(|node| node.name == homes[0]).unwrap();
    nodes.remove(gone).stop();
    fleet.agrees(&nodes.iter().collect::<Vec<_>>()).await;
    for token in &customers {
        look(&trusted, &haproxy.url, token).await;
    }
    let before = calls(&nodes).await;
    for token in customers.iter().cycle().take(10 * customers.len()) {
        look(&trusted, &haproxy.url, token).await;
    }
    assert_eq!(calls(&nodes).await, before);
    for node in nodes {
        node.stop();
    }
}

/// How many calls for users the nodes have made to each other.
async fn calls(nodes: &[Node]) -> f64 {
    let mut calls = 0.0;
    for node in nodes {
        let url = format!("http://127.0.0.1:{}/metrics", node.operations());
        let shown = reqwest::get(url).await.unwrap().text().await.unwrap();
        let given = r#"cartwright_cluster_calls_total{kind="user",outcome="given"}"#;
        calls += Figures::of(&shown).get(given);
    }
    calls
}

/// HAProxy, which ends with this.
struct HaProxy {
    child: Child,
    url: String,
}

/// Whether it is there; with `CI` set it must be.
fn is_installed() -> bool {
    let mut version = Command::new("haproxy");
    let ran = version.arg("-v").stdout(Stdio::null()).status();
    let is_there = ran.is_ok_and(|status| status.success());
    if !is_there {
        assert!(std::env::var_os("CI").is_none(), "haproxy is missing");
        eprintln!("SKIPPED: a rolling restart behind HAProxy, for want of haproxy");
    }
    is_there
}

impl HaProxy {
    /// One in front of three nodes, once it finds one of them ready.
    async fn before(nodes: &[Node]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new("haproxy");
        command.args(["-q", "-db", "-f", CONFIGURATION]);
        command.env("CARTWRIGHT_HAPROXY_LISTEN", &address);
        for (number, node) in (1..=3).zip(nodes) {
            command.env(format!("CARTWRIGHT_NODE_{number}"), node.address());
            let operations = node.operations().to_string();
            command.env(format!("CARTWRIGHT_NODE_{number}_OPS_PORT"), operations);
        }
        let haproxy = Self {
            child: command.stdout(Stdio::null()).spawn().unwrap(),
            url: format!("http://{address}"),
        };
        let ready = format!("{}/ready", haproxy.url);
        let begun = async {
            while !reqwest::get(&ready)
                .await
                .is_ok_and(|it| it.status() == 200)
            {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(START_TIME, begun).await.expect("HAProxy answers");
        haproxy
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Servers behind HAProxy, and what of them failed.
struct Behind {
    api: Api,
    asked: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

impl Behind {
    fn new(url: &str) -> Self {
        Self {
            api: Api::of(url),
            asked: AtomicUsize::new(0),
            failed: Mutex::default(),
        }
    }
}

#[async_trait]
impl Shop for Behind {
    async fn send(&self, request: &Request, _: usize) -> Option<Answer> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let (failure, answer) = match timeout(ANSWER_TIME, self.api.send(request)).await {
            Ok(Ok(answer)) if answer.status < 500 => return Some(answer),
            Ok(Ok(answer)) => (format!("{answer:?}"), Some(answer)),
            Ok(Err(error)) => (format!("{error:?}"), None),
            Err(_) => ("no answer".to_owned(), None),
        };
        let failure = format!("{} {}: {failure}", request.method, request.path);
        self.failed.lock().unwrap().push(failure);
        answer
    }
}
