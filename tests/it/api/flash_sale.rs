//! A flash sale: more buyers at once than there are units.

use crate::app::{TestApp, order_body, with_token};
use cartwright::domain::ids::Sku;
use cartwright::domain::stock::{StockKey, StockLevel};
use cartwright::import::progress::Logged;
use cartwright::import::{self, Format, Input, Options};
use cartwright::sources::{Sources, SystemClock};
use cartwright::store::embedded::{self, EmbeddedStore};
use cartwright::store::{Attempts, Stocks, bucket};
use futures::StreamExt;
use futures::future::join_all;
use futures::stream;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Barrier;

const BUYERS: usize = 300;
const UNITS: usize = 10;

const SHOP: &str = r#"{"type": "product", "id": "last", "sku": "LAST", "name": "The last ones", "stock": 10, "base_price": {"amount": 100, "currency": "USD"}}"#;

/// What is answered in the end: a 503 is tried again when it says, with the same key.
async fn send(app: &TestApp, path: &str, token: Option<&str>, key: &str, body: &Value) -> Response {
    loop {
        let request = app
            .request(Method::POST, path)
            .json(body)
            .header("idempotency-key", key);
        let response = with_token(request, token).send().await.unwrap();
        if response.status() != 503 {
            return response;
        }
        let seconds: u64 = response.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

/// The token of somebody with one unit in the cart.
async fn buyer(app: &TestApp, number: usize) -> String {
    let registration = json!({
        "email": format!("buyer-{number}@example.com"), "password": "correct horse",
        "first_name": "Ann", "last_name": "Lee",
    });
    let session = send(
        app,
        "/api/v1/auth/register",
        None,
        "register",
        &registration,
    )
    .await;
    assert_eq!(session.status(), 201);
    let session: Value = session.json().await.unwrap();
    let token = session["data"]["access_token"].as_str().unwrap().to_owned();
    let item = json!({"product_id": "last", "quantity": 1});
    let added = send(app, "/api/v1/cart/items", Some(&token), "add", &item).await;
    assert_eq!(added.status(), 200);
    token
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_300_buyers_at_once_ten_get_the_ten_units() {
    let dir = tempfile::tempdir().unwrap();
    let options = embedded::Options::default();
    let store = EmbeddedStore::open(dir.path(), Arc::new(SystemClock), options).unwrap();
    let store = Arc::new(store);
    let input = Input {
        file: "shop.ndjson".into(),
        format: Format::Ndjson,
        data: SHOP.as_bytes(),
    };
    let sources = Sources::system();
    import::run(&*store, &sources, input, Options::default(), &mut Logged)
        .await
        .unwrap();
    let app = TestApp::over(store.clone(), &["--demo-catalog", "off"]).await;
    let buyers = stream::iter(0..BUYERS).map(|number| buyer(&app, number));
    let buyers: Vec<String> = buyers.buffer_unordered(32).collect().await;

    let start = Barrier::new(BUYERS);
    let orders = buyers.iter().map(async |token| {
        start.wait().await;
        let order = send(&app, "/api/v1/orders", Some(token), "order", &order_body()).await;
        (
            order.status().as_u16(),
            order.json::<Value>().await.unwrap(),
        )
    });
    let answers = join_all(orders).await;
    let (mut placed, mut refused) = (0, 0);
    for (status, body) in answers {
        match (status, body["error"]["code"].as_str()) {
            (201, None) => placed += 1,
            (400, Some("out_of_stock")) => refused += 1,
            _ => panic!("{status} {body}"),
        }
    }
    assert_eq!((placed, refused), (UNITS, BUYERS - UNITS));

    app.stop().await;
    let key = StockKey::Sku(Sku::parse("LAST").unwrap());
    let expected = StockLevel {
        received: 10,
        available: 0,
        held: 0,
        sold: 10,
    };
    assert_eq!(store.stock(key).await.unwrap().value, expected);
    let now = bucket(sources.clock.now());
    for bucket in now - 10..=now + 1 {
        assert_eq!(store.attempts(bucket).await.unwrap(), []);
    }
}
