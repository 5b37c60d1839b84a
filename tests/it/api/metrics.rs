//! `/metrics`: who may ask, and that the figures are exact.

use crate::app::{TestApp, TestStore, order_body};
use crate::figures::Figures;
use cartwright::domain::ids::UserId;
use cartwright::sources::SystemClock;
use cartwright::store::fault::{Fault, FaultPlan, FaultyStore, Op};
use cartwright::store::memory::MemoryStore;
use cartwright::store::{Commit, Partition};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

const OPS: &[&str] = &["--ops-listen", "127.0.0.1:0"];

struct Watched {
    app: TestApp,
    store: FaultyStore<MemoryStore>,
}

impl Watched {
    async fn spawn() -> Self {
        let store = FaultyStore::new(MemoryStore::new(Arc::new(SystemClock)), FaultPlan::NONE);
        let app = TestApp::over(Arc::new(store.clone()), OPS).await;
        Self { app, store }
    }

    async fn user(&self) -> (UserId, String) {
        let data = self.app.register("ann@example.com").await;
        let id = UserId::parse(data["user"]["id"].as_str().unwrap()).unwrap();
        (id, data["access_token"].as_str().unwrap().to_owned())
    }

    async fn add(&self, token: &str) -> StatusCode {
        let item = json!({"product_id": "prod-1", "quantity": 1});
        let path = "/api/v1/cart/items";
        let answer = self.app.send(Method::POST, path, Some(token), &item).await;
        answer.status()
    }

    async fn text(&self) -> String {
        scrape(&self.app).await.text().await.unwrap()
    }

    async fn figures(&self) -> Figures {
        Figures::of(&self.text().await)
    }
}

async fn scrape(app: &TestApp) -> Response {
    let url = format!("{}/metrics", app.ops_url.as_ref().unwrap());
    app.client.get(url).send().await.unwrap()
}

fn is_of(commit: &Commit, user: UserId) -> bool {
    commit.change.partition() == Partition::User(user)
}

/// Fails the first commit of the user from now on.
fn first_commit(
    user: UserId,
    fault: Fault,
) -> impl FnMut(&Op<'_>) -> Option<Fault> + Send + 'static {
    let mut faults = Some(fault);
    move |op| match op {
        Op::Commit(commit) if is_of(commit, user) => faults.take(),
        _ => None,
    }
}

#[tokio::test]
async fn operators_see_the_figures_and_the_public_does_not() {
    let app = TestApp::on(&TestStore::empty().await, OPS).await;
    let shown = scrape(&app).await;
    assert_eq!(shown.status(), 200);
    assert_eq!(
        shown.headers()["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let hidden = app.request(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(hidden.status(), 404);
    let body: Value = hidden.json().await.unwrap();
    assert_eq!(body["error"]["code"], "not_found");
}

#[tokio::test]
async fn requests_are_counted_by_endpoint_and_class() {
    let shop = Watched::spawn().await;
    let (_, token) = shop.user().await;
    let before = shop.figures().await;
    for _ in 0..3 {
        assert_eq!(shop.add(&token).await, 200);
    }
    let missing = "/api/v1/catalog/products/no-such";
    assert_eq!(shop.app.get(missing, None).await.status(), 404);
    assert_eq!(shop.app.get("/api/v1/cart", None).await.status(), 401);
    let after = shop.figures().await;
    let grew = |series: &str| after.growth(&before, series);
    let added = r#"{method="POST",route="/api/v1/cart/items""#;
    assert_eq!(
        grew(&format!(
            r#"cartwright_http_requests_total{added},status="2xx"}}"#
        )),
        3.0
    );
    assert_eq!(
        grew(&format!(
            "cartwright_http_request_duration_seconds_count{added}}}"
        )),
        3.0
    );
    for series in [
        r#"cartwright_http_requests_total{method="GET",route="/api/v1/catalog/products/:id",status="4xx"}"#,
        r#"cartwright_http_requests_total{method="GET",route="/api/v1/cart",status="4xx"}"#,
        // Their first scrape is counted once it is over.
        r#"cartwright_http_requests_total{method="GET",route="/metrics",status="2xx"}"#,
    ] {
        assert_eq!(grew(series), 1.0, "{series}");
    }
    let rest = r#"cartwright_http_requests_total{method="GET",route="/api/v1/cart",status="2xx"}"#;
    assert_eq!(grew(rest), 0.0);
}

#[tokio::test]
async fn a_change_of_the_cart_is_a_command_and_a_commit() {
    let shop = Watched::spawn().await;
    let (_, token) = shop.user().await;
    assert_eq!(shop.add(&token).await, 200);
    let before = shop.figures().await;
    for _ in 0..3 {
        assert_eq!(shop.add(&token).await, 200);
    }
    let after = shop.figures().await;
    for (series, growth) in [
        (
            r#"cartwright_actor_commands_total{kind="user",outcome="done"}"#,
            3.0,
        ),
        (
            r#"cartwright_actor_commands_total{kind="user",outcome="rejected"}"#,
            0.0,
        ),
        (
            r#"cartwright_actor_command_duration_seconds_count{kind="user"}"#,
            3.0,
        ),
        (
            r#"cartwright_commits_total{kind="user",outcome="applied"}"#,
            3.0,
        ),
        (
            r#"cartwright_commit_duration_seconds_count{kind="user"}"#,
            3.0,
        ),
        (r#"cartwright_commit_commands_sum{kind="user"}"#, 3.0),
        (
            r#"cartwright_commits_total{kind="stock",outcome="applied"}"#,
            0.0,
        ),
        (
            r#"cartwright_store_requests_total{operation="commit_user",outcome="ok"}"#,
            3.0,
        ),
        (
            r#"cartwright_store_request_duration_seconds_count{operation="commit_user"}"#,
            3.0,
        ),
        (r#"cartwright_actors_started_total{kind="user"}"#, 0.0),
    ] {
        assert_eq!(after.growth(&before, series), growth, "{series}");
    }
    for (series, value) in [
        (r#"cartwright_actors_resident{kind="user"}"#, 1.0),
        (r#"cartwright_actors_resident{kind="stock"}"#, 1.0),
        (r#"cartwright_actor_commands_admitted{kind="user"}"#, 0.0),
        (r#"cartwright_actor_mailbox_depth{kind="user"}"#, 0.0),
        ("cartwright_http_requests_in_flight", 0.0),
    ] {
        assert_eq!(after.get(series), value, "{series}");
    }
}

#[tokio::test]
async fn what_waits_for_a_commit_is_seen_waiting() {
    let shop = Watched::spawn().await;
    let (user, token) = shop.user().await;
    let held = shop
        .store
        .pause(move |op| matches!(op, Op::Commit(commit) if is_of(commit, user)));
    let adding = shop.add(&token);
    let looking = async {
        held.reached(1).await;
        let figures = shop.figures().await;
        held.release();
        figures
    };
    let (status, during) = tokio::join!(adding, looking);
    assert_eq!(status, 200);
    for series in [
        r#"cartwright_actor_commands_admitted{kind="user"}"#,
        "cartwright_http_requests_in_flight",
    ] {
        assert_eq!(during.get(series), 1.0, "{series}");
        assert_eq!(shop.figures().await.get(series), 0.0, "{series}");
    }
}

#[tokio::test]
async fn an_unknown_outcome_is_counted_and_so_is_how_it_was_resolved() {
    let shop = Watched::spawn().await;
    let (user, token) = shop.user().await;
    let before = shop.figures().await;
    shop.store.script(first_commit(user, Fault::LostAfter));
    assert_eq!(shop.add(&token).await, 200);
    let after = shop.figures().await;
    for (series, growth) in [
        (
            r#"cartwright_store_requests_total{operation="commit_user",outcome="unknown"}"#,
            1.0,
        ),
        // The repetition, refused as its first copy was there already.
        (
            r#"cartwright_store_requests_total{operation="commit_user",outcome="conflict"}"#,
            1.0,
        ),
        (
            r#"cartwright_store_requests_total{operation="outcome",outcome="ok"}"#,
            1.0,
        ),
        (
            r#"cartwright_commits_total{kind="user",outcome="applied"}"#,
            1.0,
        ),
        (
            r#"cartwright_commits_total{kind="user",outcome="conflict"}"#,
            0.0,
        ),
    ] {
        assert_eq!(after.growth(&before, series), growth, "{series}");
    }
}

#[tokio::test]
async fn a_refusal_is_counted_by_its_code() {
    let shop = Watched::spawn().await;
    let (user, token) = shop.user().await;
    let before = shop.figures().await;
    shop.store.script(first_commit(user, Fault::Refused));
    assert_eq!(shop.add(&token).await, 503);
    let after = shop.figures().await;
    for (series, growth) in [
        (r#"cartwright_http_refusals_total{code="unavailable"}"#, 1.0),
        (r#"cartwright_http_refusals_total{code="overloaded"}"#, 0.0),
        (
            r#"cartwright_commits_total{kind="user",outcome="unavailable"}"#,
            1.0,
        ),
        (
            r#"cartwright_actor_commands_total{kind="user",outcome="unavailable"}"#,
            1.0,
        ),
    ] {
        assert_eq!(after.growth(&before, series), growth, "{series}");
    }
}

#[tokio::test]
async fn orders_are_counted_by_how_their_attempts_ended() {
    let shop = Watched::spawn().await;
    let (_, token) = shop.user().await;
    assert_eq!(shop.add(&token).await, 200);
    let before = shop.figures().await;
    let order = || {
        let request = shop.app.request(Method::POST, "/api/v1/orders");
        let request = request.bearer_auth(&token).json(&order_body());
        request.header("idempotency-key", "once").send()
    };
    assert_eq!(order().await.unwrap().status(), 201);
    assert_eq!(order().await.unwrap().status(), 201);
    let after = shop.figures().await;
    for (series, growth) in [
        (
            r#"cartwright_checkout_attempts_total{outcome="placed"}"#,
            1.0,
        ),
        (
            r#"cartwright_checkout_attempts_total{outcome="failed"}"#,
            0.0,
        ),
        ("cartwright_idempotent_replays_total", 1.0),
        (
            r#"cartwright_store_requests_total{operation="put_attempt",outcome="ok"}"#,
            1.0,
        ),
    ] {
        assert_eq!(after.growth(&before, series), growth, "{series}");
    }
}

#[tokio::test]
async fn passwords_and_the_catalogue_are_counted() {
    let shop = Watched::spawn().await;
    let before = shop.figures().await;
    shop.user().await;
    let after = shop.figures().await;
    for series in [
        "cartwright_password_hash_duration_seconds_count",
        "cartwright_password_hash_wait_seconds_count",
    ] {
        assert_eq!(after.growth(&before, series), 1.0, "{series}");
    }
    assert_eq!(after.get("cartwright_password_hashes_pending"), 0.0);
    assert!(after.get("cartwright_catalog_products") > 0.0);
    assert_eq!(after.get("cartwright_catalog_loads_total"), 1.0);
    assert!(after.get("cartwright_catalog_age_seconds") < 60.0);
}

#[tokio::test]
async fn no_client_makes_a_series() {
    let shop = Watched::spawn().await;
    let before = shop.text().await;
    let (_, token) = shop.user().await;
    let address = shop.app.url.strip_prefix("http://").unwrap();
    for number in 0..40 {
        let path = format!("/nothing/{number}?sku=s-{number}");
        assert_eq!(shop.app.get(&path, Some(&token)).await.status(), 404);
        let product = format!("/api/v1/catalog/products/sku-{number}");
        assert_eq!(shop.app.get(&product, None).await.status(), 404);
        let method = Method::from_bytes(format!("VERB{number}").as_bytes()).unwrap();
        let answer = shop.app.request(method, "/api/v1/cart").send().await;
        assert_eq!(answer.unwrap().status(), 405);
        let request = shop.app.request(Method::GET, "/health");
        let request = request.header("host", format!("{number}.{address}"));
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let after = shop.text().await;
    let (before, after) = (Figures::of(&before), Figures::of(&after));
    assert_eq!(after.series(), before.series());
    assert!(after.series().len() < 3_000, "{}", after.series().len());
    let unmatched =
        r#"cartwright_http_requests_total{method="other",route="unmatched",status="4xx"}"#;
    assert_eq!(after.growth(&before, unmatched), 80.0);
}
