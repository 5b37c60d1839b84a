//! Debian's HAProxy, with the configuration that is delivered, in front of nodes that are restarted
//! one after the other: nobody notices.

use super::Scene;
use super::fleet::{Fleet, Node, free_port};
use crate::cql;
use crate::load::Shop;
use crate::process::api::{Answer, Api, Request};
use async_trait::async_trait;
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
const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/haproxy/haproxy.cfg");

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_behind_haproxy_notices_a_rolling_restart() {
    let Some(server) = cql::server() else { return };
    if !is_installed() {
        return;
    }
    let fleet = Fleet::on(&server).await;
    let mut nodes: Vec<Node> = ["a", "b", "c"].map(|name| fleet.start(name)).into();
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
    assert_eq!(failed, Vec::<String>::new());
    scene.ends(nodes).await;
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
