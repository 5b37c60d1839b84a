//! A shop of imported data, and customers in it.

use crate::app::{TestApp, TestStore, changed, order_body};
use cartwright::domain::ids::{PromotionCode, Sku};
use cartwright::domain::stock::{StockKey, StockLevel};
use cartwright::import::{self, Format, Input, Progress, Refusal};
use cartwright::sources::Sources;
use cartwright::store::Store;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A shirt for 20.00, a mug for 9.99, a hundred of each.
pub const GOODS: &str = r#"
{"type":"product","id":"shirt","sku":"SHIRT","name":"Shirt","base_price":{"amount":2500,"currency":"USD"},"sale_price":{"amount":2000,"currency":"USD"},"stock":100}
{"type":"product","id":"mug","sku":"MUG","name":"Mug","base_price":{"amount":999,"currency":"USD"},"stock":100}
"#;

pub struct Shop {
    pub app: TestApp,
    store: TestStore,
}

/// Nothing is expected to be refused.
struct Whole;

impl Progress for Whole {
    fn read(&mut self, _: u64) {}

    fn refused(&mut self, refusal: &Refusal) {
        panic!("{refusal}");
    }
}

/// Imports these records.
pub async fn import(store: &dyn Store, records: &str) {
    let input = Input {
        file: "shop.ndjson".to_owned(),
        format: Format::Ndjson,
        data: records.as_bytes(),
    };
    let options = import::Options::default();
    import::run(store, &Sources::system(), input, options, &mut Whole)
        .await
        .unwrap();
}

impl Shop {
    /// Of [`GOODS`] and these records.
    pub async fn with(records: &str) -> Self {
        Self::of(&format!("{GOODS}{records}")).await
    }

    /// Of these records alone.
    pub async fn of(records: &str) -> Self {
        let store = TestStore::empty().await;
        import(&*store.shared(), records).await;
        Self::open(store).await
    }

    async fn open(store: TestStore) -> Self {
        let app = TestApp::on(&store, &["--demo-catalog", "off"]).await;
        Self { app, store }
    }

    /// Stopped, and served again by a node that remembers nothing.
    pub async fn restarted(self) -> Self {
        self.app.stop().await;
        Self::open(self.store).await
    }

    /// Stops it, so that every hold is settled, and gives its counters.
    pub async fn closed(mut self) -> Counters {
        if self.store.is_faulty() {
            // What was left, whoever starts next ends.
            self = self.restarted().await;
            self.store.set_faults(false);
        }
        self.app.stop().await;
        Counters(self.store)
    }

    /// The token of somebody new, whose cart holds these.
    pub async fn customer(&self, name: &str, items: &[(&str, u32)]) -> String {
        let token = self.app.token(&format!("{name}@example.com")).await;
        for (product, quantity) in items {
            self.add(&token, product, *quantity).await;
        }
        token
    }

    pub async fn add(&self, token: &str, product: &str, quantity: u32) {
        let item = json!({"product_id": product, "quantity": quantity});
        let (status, body) = self.post("/api/v1/cart/items", token, &item).await;
        assert_eq!(status, 200, "{body}");
    }

    pub async fn order(&self, token: &str, changes: Value) -> (StatusCode, Value) {
        self.post("/api/v1/orders", token, &body(changes)).await
    }

    pub async fn quote(&self, token: &str, body: &Value) -> (StatusCode, Value) {
        self.post("/api/v1/orders/quote", token, body).await
    }

    async fn post(&self, path: &str, token: &str, body: &Value) -> (StatusCode, Value) {
        let answer = self.app.send(Method::POST, path, Some(token), body).await;
        (answer.status(), answer.json().await.unwrap())
    }
}

/// The stock of a shop that was closed.
pub struct Counters(TestStore);

impl Counters {
    /// Available, held and sold units of a SKU.
    pub async fn of_sku(&self, sku: &str) -> [u64; 3] {
        self.of(StockKey::Sku(Sku::parse(sku).unwrap())).await
    }

    /// Available, held and taken uses of a promotion.
    pub async fn of_promotion(&self, code: &str) -> [u64; 3] {
        self.of(StockKey::Promotion(PromotionCode::parse(code).unwrap()))
            .await
    }

    async fn of(&self, key: StockKey) -> [u64; 3] {
        let level: StockLevel = self.0.shared().stock(key).await.unwrap().value;
        assert!(level.adds_up());
        [level.available, level.held, level.sold]
    }
}

/// An order to New York with these fields besides, or instead.
pub fn body(changes: Value) -> Value {
    changed(order_body(), &changes)
}

/// Subtotal, discount, tax, shipping and total of an order or a quote, in minor units.
pub fn totals(answer: &Value) -> [i64; 5] {
    [
        "subtotal",
        "discount_total",
        "tax_total",
        "shipping_total",
        "total",
    ]
    .map(|name| answer["data"][name]["amount"].as_i64().unwrap())
}

/// The code and the message of a refusal.
pub fn refusal(answer: &Value) -> (&str, &str) {
    let error = &answer["error"];
    let text = |name: &str| error[name].as_str().unwrap_or_default();
    (text("code"), text("message"))
}
