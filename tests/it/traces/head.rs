//! Which requests are traced, and what the log shows of it.

use super::Tracing;
use crate::app::TestApp;
use reqwest::Method;
use serde_json::Value;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A request that its client says is traced.
async fn ask(app: &TestApp) {
    let header = format!("00-{TRACE}-b7ad6b7169203331-01");
    let request = app.request(Method::GET, "/api/v1/catalog/products");
    let answer = request.header("traceparent", header).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

/// The log's lines of requests.
fn requests(log: &str) -> Vec<Value> {
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|line: &Value| line["message"] == "http.request")
        .collect()
}

#[tokio::test]
async fn of_none_there_is_no_span_whatever_a_client_says() {
    let tracing = Tracing::of("0");
    let app = TestApp::spawn().await;
    ask(&app).await;
    app.token("ann@example.com").await;
    app.stop().await;
    assert_eq!(tracing.made(), 0, "spans that nobody is sent");
    let (spans, log) = tracing.end();
    assert_eq!(spans.0.len(), 0, "{:?}", spans.0);
    let lines = requests(&log);
    assert!(lines.len() > 1, "{log}");
    assert_eq!(lines[0]["http.route"], "/api/v1/catalog/products");
    for line in lines {
        assert_eq!(line["trace_id"], Value::Null);
        assert!(line["request_id"].is_string());
    }
}

#[tokio::test]
async fn a_traced_request_goes_on_with_its_clients_trace_which_the_log_names() {
    let tracing = Tracing::of("1");
    let app = TestApp::spawn().await;
    ask(&app).await;
    app.stop().await;
    let (spans, log) = tracing.end();
    let spans = spans.of_trace(TRACE);
    assert_eq!(spans.0.len(), 1, "{:?}", spans.0);
    assert_eq!(spans.0[0].name, "GET /api/v1/catalog/products");
    assert_eq!(spans.0[0].parent_span_id.to_string(), "b7ad6b7169203331");
    assert_eq!(requests(&log)[0]["trace_id"], TRACE);
}

#[tokio::test]
async fn about_as_many_are_traced_as_the_share_says() {
    let tracing = Tracing::of("0.5");
    let app = TestApp::spawn().await;
    for _ in 0..200 {
        ask(&app).await;
    }
    app.stop().await;
    // Beyond this by chance once in 10^11 times.
    let (spans, _) = tracing.end();
    assert!((50..=150).contains(&spans.0.len()), "{}", spans.0.len());
}
