//! One request is one trace, whichever node has its actor.

use super::{Spans, Tracing, attribute};
use crate::app::{SECRET, TestApp};
use crate::world::{product, receive};
use cartwright::sources::{Clock, SystemClock};
use cartwright::store::memory::MemoryStore;
use cartwright::store::{CatalogRow, Catalogs};
use opentelemetry::trace::{SpanKind, Status};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// A node of several, which share the store.
async fn node(store: &Arc<MemoryStore>) -> TestApp {
    let flags = [
        "--store",
        "scylla://unused/shop",
        "--jwt-secret",
        SECRET,
        "--cluster-listen",
        "127.0.0.1:0",
        "--cluster-secret",
        "k3Jf9-Qm2xVb7TzLw0RsYpHd5NcGuE8a",
        "--drain-delay",
        "1ms",
    ];
    TestApp::over(store.clone(), &flags).await
}

async fn stocked() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    let now = SystemClock.now();
    let mug = CatalogRow::Product(Box::new(product("mug", 1_000, now)));
    store.put_catalog(vec![mug]).await.unwrap();
    receive(&*store, "mug", 100, now).await;
    store
}

/// Adds a mug to the cart, as part of the trace of this number.
async fn add(app: &TestApp, token: &str, trace: u128) -> Value {
    let answer = app
        .request(Method::POST, "/api/v1/cart/items")
        .header(
            "traceparent",
            format!("00-{trace:032x}-00000000000000aa-00"),
        )
        .bearer_auth(token)
        .json(&json!({"product_id": "mug", "quantity": 1}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// What is above the spans of this name, of which there must be one.
fn chain(spans: &Spans, name: &str) -> Vec<String> {
    let mut chains = spans.named(name).map(|span| spans.above(span));
    let (chain, root) = chains.next().unwrap();
    assert_eq!(root, "00000000000000aa", "{chain:?}");
    assert_eq!(chains.next(), None);
    chain
}

const REQUEST: &str = "POST /api/v1/cart/items";
const HERE: [&str; 2] = ["user.command", REQUEST];
const THERE: [&str; 4] = ["user.command", "cluster.call", "cluster.hop", REQUEST];

/// Adds to a cart at each node in turn until one of them asked the other, which takes until they
/// know each other. How many traces there are.
async fn until_asked(nodes: &[TestApp; 2], token: &str, tracing: &Tracing) -> u128 {
    let mut traces = 0;
    let asking = async {
        loop {
            for app in nodes {
                traces += 1;
                add(app, token, traces).await;
            }
            let spans = tracing.so_far();
            let mut commands = spans.named("user.command");
            if commands.any(|command| spans.above(command).0 == THERE) {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(30), asking).await.unwrap();
    traces
}

#[tokio::test]
async fn a_request_at_a_node_without_the_actor_is_one_trace_from_the_filter_to_the_store() {
    let tracing = Tracing::of("1");
    let store = stocked().await;
    let nodes = [node(&store).await, node(&store).await];
    let token = nodes[0].token("ann@example.com").await;
    let traces = until_asked(&nodes, &token, &tracing).await;
    for app in nodes {
        app.stop().await;
    }
    let (spans, _) = tracing.end();

    let mut hops = 0;
    for trace in 1..=traces {
        let spans = spans.of_trace(&format!("{trace:032x}"));
        let command = chain(&spans, "user.command");
        assert!(command == HERE || command == THERE, "{command:?}");
        hops += usize::from(command == THERE);
        let write = chain(&spans, "store.write");
        assert_eq!(write[..2], ["store.write", "user.commit"]);
        assert_eq!(write[2..], command, "a commit is below its command");
        let root = spans.named(REQUEST).next().unwrap();
        assert_eq!(root.span_kind, SpanKind::Server);
        assert_eq!(attribute(root, "http.response.status_code"), "200");
        for span in &spans.0 {
            assert!(span.end_time <= root.end_time, "{} is late", span.name);
            assert_eq!(span.status, Status::Unset, "{}", span.name);
        }
    }
    assert!(hops > 0);
}
