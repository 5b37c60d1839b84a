//! Three nodes of Cassandra that the test has for itself, to kill and to pause.

use crate::cql;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The folder in which `tests/cassandra/replicas` started them.
pub struct Nodes {
    dir: PathBuf,
}

/// Nodes that are stopped, until this is dropped.
pub struct Paused<'a> {
    nodes: &'a Nodes,
    numbers: &'a [u32],
}

impl Nodes {
    /// Those that `CARTWRIGHT_TEST_REPLICAS` names, if any.
    pub fn given() -> Option<Self> {
        let dir = std::env::var_os("CARTWRIGHT_TEST_REPLICAS");
        if dir.is_none() {
            eprintln!("SKIPPED: CARTWRIGHT_TEST_REPLICAS names no nodes; tests/run starts them");
        }
        dir.map(|dir| Self { dir: dir.into() })
    }

    /// `host:port` of each.
    pub fn contacts(&self) -> Vec<String> {
        let contact = |node| self.read(node, "address");
        (1..=3).map(contact).collect()
    }

    /// Waits until each knows all three: they have been started just now.
    pub async fn know_each_other(&self) {
        let knowing = async {
            for contact in self.contacts() {
                while cql::session(&contact)
                    .await
                    .get_cluster_state()
                    .get_nodes_info()
                    .len()
                    < 3
                {
                    sleep(Duration::from_millis(500)).await;
                }
            }
        };
        timeout(Duration::from_secs(60), knowing).await.unwrap();
    }

    pub fn kill(&self, node: u32) {
        self.signal(node, "KILL");
    }

    /// Starts one that was killed, on its data, and waits until it answers.
    pub async fn restart(&self, node: u32) {
        let mut command = Command::new(self.dir.join("restart"));
        command.arg(node.to_string());
        let started = tokio::task::spawn_blocking(move || command.status());
        assert!(started.await.unwrap().unwrap().success());
    }

    pub fn pause<'a>(&'a self, numbers: &'a [u32]) -> Paused<'a> {
        numbers.iter().for_each(|node| self.signal(*node, "STOP"));
        Paused {
            nodes: self,
            numbers,
        }
    }

    fn read(&self, node: u32, name: &str) -> String {
        let path = self.dir.join(node.to_string()).join(name);
        let text = std::fs::read_to_string(&path);
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        text.trim().to_owned()
    }

    fn signal(&self, node: u32, name: &str) {
        let pid = self.read(node, "pid");
        let killed = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(killed.unwrap().success(), "node {node} is not there");
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        for node in self.numbers {
            self.nodes.signal(*node, "CONT");
        }
    }
}
