//! What the log tells of a request, at the node that was asked and at the one that has the actor.

use super::*;
use crate::config::{LogFormat, Share};
use crate::sources::SystemEntropy;
use crate::telemetry::subscriber;
use crate::telemetry::traces::Traces;
use hyper::Method;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde_json::{Value, json};
use std::io::Seek;
use tracing::span::{Attributes, Id};
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// A collector that keeps nothing.
#[derive(Debug)]
struct Nowhere;

impl SpanExporter for Nowhere {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}

/// Counts the spans that are made.
#[derive(Clone, Default)]
struct Made(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Made {
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A client asks node 1 for an actor of its own, and for one that node 2 has: the lines that the
/// two actors log, and how many spans are made.
async fn asked(traces: Option<&Traces>) -> ([Value; 2], usize) {
    let (made, log) = (Made::default(), Arc::new(tempfile::tempfile().unwrap()));
    let lines = subscriber("info", LogFormat::Json, traces, false, log.clone()).unwrap();
    // Were there one subscriber alone, another test that logs something first, and has none, would
    // decide for all threads that nobody wants it.
    let _another = Dispatch::new(NoSubscriber::new());
    let here = tracing::subscriber::set_default(lines.with(made.clone()));
    let (_net, [one, two, _]) = three().await;
    let span = traces::entered(|| None, || traces::begun!(traces::REQUEST));
    let caller = Caller::client("r-1".into(), Method::GET, "/api/v1/cart", span);
    let asking = async {
        one.ask(one.key()).await.unwrap();
        one.ask(two.key()).await.unwrap();
    };
    caller.on_behalf(asking).await;
    drop(here);
    (&*log).rewind().unwrap();
    let told = std::io::read_to_string(&*log).unwrap();
    let lines: Vec<_> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    (lines.try_into().unwrap(), made.0.load(Ordering::Relaxed))
}

fn fields(line: &Value) -> [Value; 4] {
    ["node", "request_id", "http.method", "http.route"].map(|name| line[name].clone())
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_traced_is_told_of_at_both_nodes_without_a_span() {
    let none = Traces::to(Nowhere, Share::NONE, "here", Arc::new(SystemEntropy));
    for traces in [None, Some(&none)] {
        let ([here, there], spans) = asked(traces).await;
        let client = [
            json!("1"),
            json!("r-1"),
            json!("GET"),
            json!("/api/v1/cart"),
        ];
        assert_eq!(fields(&here), client);
        let call = [json!("2"), json!("r-1"), Value::Null, Value::Null];
        assert_eq!(fields(&there), call);
        assert_eq!([&here["trace_id"], &there["trace_id"]], [&Value::Null; 2]);
        assert_eq!(spans, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_trace_of_one_that_is_is_named_at_both_nodes() {
    let all = Traces::to(Nowhere, Share::ALL, "here", Arc::new(SystemEntropy));
    let ([here, there], spans) = asked(Some(&all)).await;
    let trace = here["trace_id"].as_str().unwrap();
    assert_eq!(trace.len(), 32, "{trace}");
    assert_eq!(there["trace_id"], trace);
    assert_eq!([&here["request_id"], &there["request_id"]], ["r-1"; 2]);
    assert_eq!(spans, 3, "the request, its call and the other node's part");
}
