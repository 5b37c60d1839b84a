//! Three nodes under load for as long as one likes, while one after the other is killed, hangs, or
//! is stopped, and comes again. Each round has customers of its own, and is judged when it ends; in
//! the end everything that anybody ever had is looked at once more.
//!
//! Runs where `CARTWRIGHT_TEST_SOAK` gives minutes; `load-tests/soak` does.

use super::balancer::Balancer;
use super::fleet::{Fleet, Node};
use super::{CHANGES, Scene, settle};
use crate::cql;
use crate::history::{Final, check, events_of};
use crate::load::belongings;
use crate::process::api::Api;
use std::time::Duration;
use tokio::time::Instant;

/// What happens to a node.
#[derive(Clone, Copy)]
enum Misfortune {
    Killed,
    /// For longer than its lease.
    Hung,
    /// As an operator would.
    Stopped,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_die_hang_and_come_again_for_long_and_nothing_untrue_is_told() {
    let Some(time) = given_time() else { return };
    let Some(server) = cql::server() else { return };
    let begun = Instant::now();
    let fleet = Fleet::on(&server).await;
    let mut nodes: Vec<Node> = ["a", "b", "c"].map(|name| fleet.start(name)).into();
    let balancer = Balancer::before(&all(&nodes));
    let (mut end, mut names, mut round) = (Final::default(), Vec::new(), 0);
    while begun.elapsed() < time {
        let misfortune = [Misfortune::Killed, Misfortune::Hung, Misfortune::Stopped][round % 3];
        round += 1;
        let prefix = format!("{round}.");
        let scene = Scene::named(&fleet, &all(&nodes), balancer.clone(), &prefix).await;
        scene.load.goes_on(CHANGES).await;
        // Each comes first in turn, which is the one that it happens to.
        nodes.rotate_left(usize::from(round % 3 == 0) + 1);
        scene.befalls(misfortune, &mut nodes).await;
        names.extend(scene.holds(&nodes[0], &mut end).await);
        let minutes = begun.elapsed().as_secs_f64() / 60.0;
        println!("round {round}, until {minutes:.1} min: holds\n");
    }
    for node in nodes {
        node.stop();
    }
    is_as_it_was(&fleet, &names, &end).await;
    let orders = end.orders.values().flatten().count();
    println!(
        "verdict of {round} rounds, {} customers and {orders} orders: everything is there as it was told",
        names.len()
    );
}

/// How long to go on, if it is said.
fn given_time() -> Option<Duration> {
    let Ok(minutes) = std::env::var("CARTWRIGHT_TEST_SOAK") else {
        eprintln!("SKIPPED: CARTWRIGHT_TEST_SOAK gives no minutes; load-tests/soak does");
        return None;
    };
    let minutes: u64 = minutes.parse().expect("minutes, as a whole number");
    Some(Duration::from_secs(60 * minutes))
}

fn all(nodes: &[Node]) -> Vec<&Node> {
    nodes.iter().collect()
}

impl Scene<'_> {
    /// Something happens to the first node, until the others have its users; then it comes again.
    async fn befalls(&self, misfortune: Misfortune, nodes: &mut Vec<Node>) {
        let node = nodes.remove(0);
        let name = node.name.clone();
        let node = match misfortune {
            Misfortune::Hung => {
                self.recorder.phase(&format!("{name} hangs"));
                node.server.signal("STOP");
                self.settles(&all(nodes)).await;
                self.recorder.phase(&format!("{name} goes on"));
                node.server.signal("CONT");
                node
            }
            Misfortune::Killed | Misfortune::Stopped => {
                let ended = if let Misfortune::Killed = misfortune {
                    self.recorder.phase(&format!("{name} is killed"));
                    node.kill()
                } else {
                    self.recorder.phase(&format!("{name} is told to stop"));
                    node.stop()
                };
                self.settles(&all(nodes)).await;
                self.recorder.phase(&format!("{name} starts again"));
                self.fleet.start_again(ended)
            }
        };
        nodes.insert(0, node);
        self.settles(&all(nodes)).await;
    }

    /// Ends the load, has this node show what there is, and judges it. `end` is what all had who
    /// came before, and then what these have too. Returns their names.
    async fn holds(self, node: &Node, end: &mut Final) -> Vec<String> {
        self.load.end().await;
        let history = self.recorder.history();
        let own = belongings(&Api::of(&node.server.url), &self.customers).await;
        end.carts.extend(own.carts);
        end.orders.extend(own.orders);
        settle(self.fleet, end).await.unwrap();
        if let Ok(file) = std::env::var("CARTWRIGHT_TEST_HISTORY") {
            std::fs::write(file, events_of(&history, |_| true)).unwrap();
        }
        let verdict = check(&history, end);
        println!("{verdict}");
        verdict.assert_holds();
        self.customers.into_iter().map(|(name, _)| name).collect()
    }
}

/// Looks at everything once more, through a node that knows nothing but the store.
async fn is_as_it_was(fleet: &Fleet, names: &[String], end: &Final) {
    let last = fleet.start("last");
    let api = Api::of(&last.server.url);
    let mut customers = Vec::new();
    for name in names {
        let token = api.token_again(&format!("{name}@example.com")).await;
        customers.push((name.clone(), token));
    }
    let found = belongings(&api, &customers).await;
    last.stop();
    assert_eq!(found.carts, end.carts);
    assert_eq!(found.orders, end.orders);
    let stock = fleet.stock().await;
    assert_eq!(stock, end.stock);
}
