//! Two nodes that both believe they own everybody, over a keyspace whose answers get lost: nothing
//! that was acknowledged is lost, nothing is done twice.
//!
//! A failing run prints its seed. `CARTWRIGHT_TEST_SEED=7 tests/run api::unlucky` draws the faults of
//! the seed 7 again, and no others; which operation meets which follows from the time as well.

use super::shop::import;
use crate::app::{TestApp, order_body};
use crate::cql::{self, Keyspace};
use crate::faulty::draw;
use crate::seeds::seeds;
use cartwright::domain::ids::Sku;
use cartwright::domain::stock::{StockKey, StockLevel};
use cartwright::sources::SystemClock;
use cartwright::store::Stocks;
use cartwright::store::fault::{FaultPlan, FaultyStore};
use cartwright::store::scylla::ScyllaStore;
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// For so long seeds are begun, unless their number is given.
const TIME: Duration = Duration::from_secs(30);
const CUSTOMERS: u64 = 6;
const SHIRTS: u64 = 16;
/// A late write is applied after its repetition, or after another node's.
const LONGEST_DELAY: Duration = Duration::from_millis(300);

/// Enough for the holds of attempts that failed, which recovery ends later.
const RECEIVED: u64 = 10_000;
const GOODS: &str = r#"{"type":"product","id":"shirt","sku":"SHIRT","name":"Shirt","base_price":{"amount":2500,"currency":"USD"},"stock":10000}"#;

const FLAGS: [&str; 2] = ["--demo-catalog", "off"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_whose_store_loses_answers_every_change_takes_effect_once() {
    let Some(server) = cql::server() else { return };
    for seed in seeds(TIME) {
        run(&server, seed).await;
    }
}

async fn run(server: &str, seed: u64) {
    let keyspace = Keyspace::lend(server).await;
    let store = keyspace.store(Arc::new(SystemClock)).await;
    import(&store, GOODS).await;
    let store = FaultyStore::new(store, FaultPlan::NONE);
    let nodes = [open(&store).await, open(&store).await];
    let mut tokens = Vec::new();
    for number in 0..CUSTOMERS {
        tokens.push(nodes[0].token(&format!("c{number}@example.com")).await);
    }
    let mut random = StdRng::seed_from_u64(seed);
    store.script(move |_| draw(&mut random, LONGEST_DELAY));
    let customers = (0..)
        .zip(&tokens)
        .map(|(number, token)| shop(&nodes, token, seed * 100 + number));
    join_all(customers).await;
    println!("{} faults", store.injected());
    assert!(store.injected() > 0);

    store.script(|_| None);
    for node in nodes {
        node.stop().await;
    }
    // Whoever starts ends what was left.
    let node = open(&store).await;
    for token in &tokens {
        let read = async |path| {
            let answer = node.get(path, Some(token)).await;
            answer.json::<Value>().await.unwrap()
        };
        let orders = read("/api/v1/orders").await;
        assert_eq!(orders["meta"]["total_items"], 1, "seed {seed}: {orders}");
        let items = &orders["data"][0]["items"];
        assert_eq!(items[0]["quantity"], SHIRTS, "seed {seed}: {orders}");
        let cart = read("/api/v1/cart").await;
        assert_eq!(cart["data"]["items"], json!([]), "seed {seed}");
    }
    node.stop().await;
    let sold = CUSTOMERS * SHIRTS;
    let level = StockLevel {
        received: RECEIVED,
        available: RECEIVED - sold,
        held: 0,
        sold,
    };
    let key = StockKey::Sku(Sku::parse("SHIRT").unwrap());
    let found = store.inner().stock(key).await.unwrap().value;
    assert_eq!(found, level, "seed {seed}");
}

async fn open(store: &FaultyStore<ScyllaStore>) -> TestApp {
    TestApp::over(Arc::new(store.clone()), &FLAGS).await
}

/// Puts shirts into the cart one by one and orders them, asking one node or the other.
async fn shop(nodes: &[TestApp; 2], token: &str, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let shirt = json!({"product_id": "shirt", "quantity": 1});
    for number in 0..SHIRTS {
        let key = format!("shirt-{number}");
        until_done(
            nodes,
            &mut random,
            token,
            "/api/v1/cart/items",
            &key,
            &shirt,
        )
        .await;
    }
    let order = order_body();
    until_done(nodes, &mut random, token, "/api/v1/orders", "order", &order).await;
}

/// Sends it, with its key, until it is answered with success.
async fn until_done(
    nodes: &[TestApp; 2],
    random: &mut StdRng,
    token: &str,
    path: &str,
    key: &str,
    body: &Value,
) {
    let mut refusals = Vec::new();
    for _ in 0..100 {
        let node = &nodes[random.random_range(0..2)];
        let request = node.request(Method::POST, path).json(body);
        let request = request.bearer_auth(token).header("idempotency-key", key);
        let answer = request.send().await.unwrap();
        if answer.status().is_success() {
            return;
        }
        refusals.push(answer.text().await.unwrap());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{path} {key} was never done: {refusals:#?}");
}
