//! A server over three Cassandra nodes, of which one is killed, and later two are paused, under
//! load: what was acknowledged is there once, and nothing else is there twice.
//!
//! Runs where `CARTWRIGHT_TEST_REPLICAS` names the folder of `tests/cassandra/replicas`. The history
//! that the verdict rests on is written to the file that `CARTWRIGHT_TEST_HISTORY` names.

mod nodes;

use crate::api::shop::import;
use crate::app::TestApp;
use crate::cql;
use crate::history::{Final, Recorder, check, events_of};
use crate::load::{self, Customer, GOODS, Load, PHASE_TIME, belongings, stock};
use crate::process::api::{Answer, Api, Request};
use async_trait::async_trait;
use cartwright::app::Stores;
use cartwright::sources::{Sources, SystemClock};
use cartwright::store::scylla::{Options, Replication, ScyllaStore, migrate};
use nodes::Nodes;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Customers who ask one server, and look at their carts.
const FAITHFUL: usize = 6;
/// Customers who ask either of two servers, both of which believe that they own them.
const ROAMING: usize = 3;
/// What each hand must get done in a phase of work.
const CHANGES: u64 = 15;
/// A server answers within its request's time, which is 5 s, or it is stuck.
const ANSWER_TIME: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_three_nodes_one_may_die_and_while_two_are_paused_nothing_untrue_is_told() {
    let Some(nodes) = Nodes::given() else { return };
    let shop = Shop::open(&nodes).await;
    let recorder = Recorder::new("three nodes");
    let load = shop.load(&recorder);
    load.goes_on(CHANGES).await;

    recorder.phase("the third is killed");
    nodes.kill(3);
    load.goes_on(CHANGES).await;
    recorder.phase("the third starts again");
    nodes.restart(3).await;
    load.goes_on(CHANGES).await;

    recorder.phase("the second and the third are paused");
    let paused = nodes.pause(&[2, 3]);
    load.is_put_off().await;
    shop.are_ready(false).await;
    recorder.phase("they go on");
    drop(paused);
    load.goes_on(CHANGES).await;
    shop.are_ready(true).await;
    load.end().await;

    recorder.phase("everything is looked at");
    let (history, end) = (recorder.history(), shop.close().await);
    if let Ok(file) = std::env::var("CARTWRIGHT_TEST_HISTORY") {
        std::fs::write(file, events_of(&history, |_| true)).unwrap();
    }
    let verdict = check(&history, &end);
    println!("{verdict}");
    verdict.assert_holds();
}

/// Servers that never die, one or the other.
struct Steady(Vec<Api>);

#[async_trait]
impl load::Shop for Steady {
    async fn send(&self, request: &Request, drawn: usize) -> Option<Answer> {
        let server = &self.0[drawn % self.0.len()];
        let answer = timeout(ANSWER_TIME, server.try_send(request)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{request:?} was not answered"));
        Some(answer.unwrap_or_else(|| panic!("the connection of {request:?} broke")))
    }
}

/// Two servers over one keyspace, and their customers.
struct Shop {
    options: Options,
    servers: Vec<TestApp>,
    /// Names and tokens.
    customers: Vec<(String, String)>,
}

impl Shop {
    async fn open(nodes: &Nodes) -> Self {
        nodes.know_each_other().await;
        let mut options = cql::options("", &cql::unused());
        options.contacts = nodes.contacts();
        let replication = Replication { factor: 3 };
        let migrated = migrate(&options, replication, &Sources::system()).await;
        migrated.unwrap();
        import(&connect(&options).await, GOODS).await;
        let servers = vec![serve(&options).await, serve(&options).await];
        let mut customers = Vec::new();
        for number in 0..FAITHFUL + ROAMING {
            let name = format!("c{number}");
            let token = servers[0].token(&format!("{name}@example.com")).await;
            customers.push((name, token));
        }
        Self {
            options,
            servers,
            customers,
        }
    }

    fn load(&self, recorder: &Recorder) -> Load {
        let servers: Vec<Api> = self.servers.iter().map(|app| Api::of(&app.url)).collect();
        let customers = self.customers.iter().enumerate();
        let customers = customers.map(|(i, (name, token))| {
            let roams = i >= FAITHFUL;
            Customer {
                name: name.clone(),
                token: token.clone(),
                shop: Arc::new(Steady(servers[..if roams { 2 } else { 1 }].to_vec())),
                reads: !roams,
            }
        });
        Load::of(customers.collect(), recorder)
    }

    /// Waits until the servers say so.
    async fn are_ready(&self, ready: bool) {
        for server in &self.servers {
            let asking = async {
                while server.get("/ready", None).await.status().is_success() != ready {
                    sleep(Duration::from_millis(50)).await;
                }
            };
            let told = format!("{} never was ready: {ready}", server.url);
            timeout(PHASE_TIME, asking).await.expect(&told);
        }
    }

    /// Stops the servers, and looks at what there is through another.
    async fn close(self) -> Final {
        for server in self.servers {
            server.stop().await;
        }
        let server = serve(&self.options).await;
        let mut end = belongings(&Api::of(&server.url), &self.customers).await;
        // Whoever started has ended the orders that nobody had ended; whoever stops has settled.
        server.stop().await;
        end.stock = stock(&connect(&self.options).await).await;
        end
    }
}

async fn connect(options: &Options) -> ScyllaStore {
    let sources = cql::sources(Arc::new(SystemClock));
    ScyllaStore::connect(options, &sources).await.unwrap()
}

async fn serve(options: &Options) -> TestApp {
    let store = Arc::new(connect(options).await);
    let stores = Stores {
        store: store.clone(),
        is_healthy: Arc::new(move || store.is_healthy()),
    };
    let settings = crate::app::settings(&["--demo-catalog", "off"]);
    TestApp::start(settings, stores).await
}
