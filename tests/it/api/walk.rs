//! From registration to an order.

use crate::app::{TestApp, order_body};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn somebody_registers_fills_a_cart_and_orders() {
    let app = TestApp::spawn().await;
    let token = app.token("ann@example.com").await;
    let token = Some(token.as_str());
    let item = json!({"product_id": "prod-1", "quantity": 1});
    let added = app
        .send(Method::POST, "/api/v1/cart/items", token, &item)
        .await;
    assert_eq!(added.status(), 200);
    let placed = app
        .send(Method::POST, "/api/v1/orders", token, &order_body())
        .await;
    assert_eq!(placed.status(), 201);
    let placed: Value = placed.json().await.unwrap();
    assert_eq!(
        placed["data"]["tax_total"],
        json!({"amount": 8750, "currency": "USD"})
    );
    assert_eq!(
        placed["data"]["total"],
        json!({"amount": 108_749, "currency": "USD"})
    );
    let orders: Value = app.get("/api/v1/orders", token).await.json().await.unwrap();
    assert_eq!(orders["data"][0], placed["data"]);
    assert_eq!(orders["meta"]["total_items"], 1);
    app.stop().await;
}
