//! A server over three Cassandra nodes, of which one is killed, and later two are paused, under
//! load: what was acknowledged is there once, and nothing else is there twice.
//!
//! Runs where `CARTWRIGHT_TEST_REPLICAS` names the folder of `tests/cassandra/replicas`. The history
//! that the verdict rests on is written to the file that `CARTWRIGHT_TEST_HISTORY` names.

mod hand;
mod nodes;

use crate::api::shop::import;
use crate::app::TestApp;
use crate::cql;
use crate::history::{Final, Order, Recorder, Stock, check, events_of, lines_of};
use crate::process::api::Api;
use cartwright::app::Stores;
use cartwright::domain::ids::Sku;
use cartwright::domain::stock::StockKey;
use cartwright::sources::{Sources, SystemClock};
use cartwright::store::Stocks;
use cartwright::store::scylla::{Options, Replication, ScyllaStore, migrate};
use futures::future::join_all;
use hand::{Hand, Progress};
use nodes::Nodes;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Customers who ask one server, and look at their carts.
const FAITHFUL: usize = 6;
/// Customers who ask either of two servers, both of which believe that they own them.
const ROAMING: usize = 3;
const HANDS: usize = 2;
/// What each hand must get done in a phase of work.
const CHANGES: u64 = 15;
/// How long a phase may take.
const PHASE_TIME: Duration = Duration::from_secs(60);
const RECEIVED: u64 = 10_000_000;
const GOODS: &str = r#"{"type":"product","id":"shirt","sku":"SHIRT","name":"Shirt","base_price":{"amount":333,"currency":"USD"},"stock":10000000}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_three_nodes_one_may_die_and_while_two_are_paused_nothing_untrue_is_told() {
    let Some(nodes) = Nodes::given() else { return };
    let shop = Shop::open(&nodes).await;
    let recorder = Recorder::new("three nodes");
    let load = shop.load(&recorder).await;
    load.goes_on().await;

    recorder.phase("the third is killed");
    nodes.kill(3);
    load.goes_on().await;
    recorder.phase("the third starts again");
    nodes.restart(3).await;
    load.goes_on().await;

    recorder.phase("the second and the third are paused");
    let paused = nodes.pause(&[2, 3]);
    load.is_put_off().await;
    shop.are_ready(false).await;
    recorder.phase("they go on");
    drop(paused);
    load.goes_on().await;
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

/// Two servers over one keyspace, and their customers.
struct Shop {
    options: Options,
    servers: Vec<TestApp>,
    /// Names and tokens.
    customers: Vec<(String, String)>,
}

impl Shop {
    async fn open(nodes: &Nodes) -> Self {
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

    async fn load(&self, recorder: &Recorder) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let servers: Vec<Api> = self.servers.iter().map(|app| Api::of(&app.url)).collect();
        let mut hands = Vec::new();
        for (i, (customer, token)) in self.customers.iter().enumerate() {
            let roams = i >= FAITHFUL;
            for number in 0..HANDS {
                let progress = Arc::<Progress>::default();
                let hand = Hand {
                    customer: customer.clone(),
                    token: token.clone(),
                    number,
                    servers: servers[..if roams { 2 } else { 1 }].to_vec(),
                    reads: !roams,
                    recorder: recorder.clone(),
                    random: StdRng::seed_from_u64((i * HANDS + number) as u64),
                    progress: progress.clone(),
                    lines: Vec::new(),
                    asked: 0,
                };
                hands.push((progress, tokio::spawn(hand.work(stop.clone()))));
            }
        }
        Load { stop, hands }
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
        let api = Api::of(&server.url);
        let mut end = Final::default();
        for (name, token) in self.customers {
            let cart = api.get("/cart", Some(&token)).await;
            end.carts.insert(name.clone(), lines_of(&cart.body["data"]));
            let orders = api.orders(&token).await;
            end.orders
                .insert(name, orders.iter().map(Order::of).collect());
        }
        // Whoever started has ended the orders that nobody had ended; whoever stops has settled.
        server.stop().await;
        let key = StockKey::Sku(Sku::parse("SHIRT").unwrap());
        let level = connect(&self.options).await.stock(key).await.unwrap().value;
        assert_eq!(level.received, RECEIVED);
        end.stock = Stock {
            received: level.received,
            available: level.available,
            held: level.held,
            sold: level.sold,
        };
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

/// Everybody at work.
struct Load {
    stop: Arc<AtomicBool>,
    hands: Vec<(Arc<Progress>, JoinHandle<()>)>,
}

impl Load {
    /// Waits until every hand has got something done, from now on.
    async fn goes_on(&self) {
        self.reached("acknowledged", CHANGES, |progress| &progress.done)
            .await;
    }

    /// Waits until every hand was told to come again.
    async fn is_put_off(&self) {
        self.reached("told 503", 1, |progress| &progress.put_off)
            .await;
    }

    async fn reached(&self, what: &str, times: u64, count: fn(&Progress) -> &AtomicU64) {
        let now = |hand: &(Arc<Progress>, _)| count(&hand.0).load(Ordering::Relaxed);
        let goals: Vec<u64> = self.hands.iter().map(|hand| now(hand) + times).collect();
        let missing = || {
            let hands = self.hands.iter().zip(&goals).enumerate();
            let behind = hands.filter(|(_, (hand, goal))| now(hand) < **goal);
            behind
                .map(|(i, (hand, goal))| (i, *goal - now(hand)))
                .collect::<BTreeMap<_, _>>()
        };
        let waiting = async {
            while !missing().is_empty() {
                for (_, hand) in &self.hands {
                    assert!(!hand.is_finished(), "a hand has failed");
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(PHASE_TIME, waiting).await.is_err() {
            panic!(
                "hands that were not {what} so many times more: {:?}",
                missing()
            );
        }
    }

    /// Has everybody bring to its end what is under way.
    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for ended in join_all(self.hands.into_iter().map(|(_, hand)| hand)).await {
            ended.unwrap();
        }
    }
}
