//! The orders' endpoints.

use super::client::{Answer, Shop, User};
use crate::app::{changed, order_body};
use reqwest::Method;
use serde_json::{Value, json};

const ORDERS: &str = "/api/v1/orders";

/// An order with all fields of an address, and with these besides, or instead.
fn body(changes: Value) -> Value {
    let more = json!({
        "company": "Tech Corp", "address2": "Apt 4B", "phone_number": "555-0100",
    });
    let mut body = order_body();
    body["shipping_address"] = changed(body["shipping_address"].take(), &more);
    changed(body, &changes)
}

async fn place(user: &User<'_>, changes: Value) -> Answer {
    user.send(Method::POST, ORDERS, &body(changes)).await
}

#[tokio::test]
async fn an_order_is_to_the_letter() {
    let shop = Shop::open().await;
    let user = shop.user().await;
    user.add("prod-1", 1).await;
    let notes = "Please deliver after 5 PM";
    let placed = place(
        &user,
        json!({"notes": notes, "billing_address": null, "promotion_codes": null}),
    )
    .await;
    assert_eq!(placed.status, 201, "{}", placed.text);
    let order = placed.data();
    let id = order["id"].as_str().unwrap();
    assert_eq!(placed.header("location"), format!("{ORDERS}/{id}"));
    assert!(order["order_number"].as_str().unwrap().starts_with("ORD-"));
    assert_eq!(order["user_id"], user.id.as_str());
    assert_eq!(
        (&order["status"], &order["notes"]),
        (&"pending".into(), &notes.into())
    );
    assert_eq!(order["billing_address"], order["shipping_address"]);
    assert_eq!(
        order["shipping_address"],
        body(json!({}))["shipping_address"]
    );
    let keys: Vec<_> = order.as_object().unwrap().keys().cloned().collect();
    let expected = [
        "billing_address",
        "created_at",
        "discount_total",
        "id",
        "items",
        "notes",
        "order_number",
        "shipping_address",
        "shipping_total",
        "status",
        "subtotal",
        "tax_total",
        "total",
        "updated_at",
        "user_id",
    ];
    assert_eq!(keys, expected);
    let mut line = order["items"][0].clone();
    line["id"] = "id".into();
    insta::assert_snapshot!(line, @r#"{"attributes":{},"discount_amount":{"amount":0,"currency":"USD"},"id":"id","name":"Professional Laptop","product_id":"prod-1","quantity":1,"sku":"LAPTOP-001","tax_amount":{"amount":8750,"currency":"USD"},"total":{"amount":108749,"currency":"USD"},"unit_price":{"amount":99999,"currency":"USD"},"variant_id":null}"#);
    let amounts = [
        "subtotal",
        "discount_total",
        "tax_total",
        "shipping_total",
        "total",
    ];
    let amounts = amounts.map(|name| order[name]["amount"].as_i64().unwrap());
    assert_eq!(amounts, [99_999, 0, 8_750, 0, 108_749]);
    assert_eq!(user.get("/api/v1/cart").await.data()["items"], json!([]));
    let stored = user.get(&format!("{ORDERS}/{id}")).await;
    assert_eq!(stored.data(), order);
}

#[tokio::test]
async fn orders_are_listed_newest_first() {
    let shop = Shop::open().await;
    let user = shop.user().await;
    let empty = user.get(ORDERS).await.json();
    assert_eq!(
        (&empty["data"], &empty["meta"]["total_pages"]),
        (&json!([]), &0.into())
    );
    let mut placed = Vec::new();
    for _ in 0..3 {
        user.add("prod-1", 1).await;
        placed.insert(0, place(&user, json!({})).await.data()["id"].clone());
    }
    let list = async |query: &str| user.get(&format!("{ORDERS}?{query}")).await.json();
    let ids = |list: &Value| -> Vec<Value> {
        let orders = list["data"].as_array().unwrap();
        orders.iter().map(|order| order["id"].clone()).collect()
    };
    assert_eq!(ids(&list("").await), placed);
    let second = list("page=2&page_size=2").await;
    assert_eq!(ids(&second), placed[2..]);
    insta::assert_snapshot!(second["meta"], @r#"{"has_next":false,"has_prev":true,"page":2,"page_size":2,"total_items":3,"total_pages":2}"#);
    assert_eq!(
        ids(&list("page=18446744073709551615").await),
        Vec::<Value>::new()
    );
    let other = shop.user().await;
    assert_eq!(other.get(ORDERS).await.json()["meta"]["total_items"], 0);
}

#[tokio::test]
async fn an_order_is_shown_to_its_owner_and_to_staff() {
    let shop = Shop::open().await;
    let user = shop.user().await;
    user.add("prod-1", 1).await;
    let order = place(&user, json!({})).await.data();
    let path = format!("{ORDERS}/{}", order["id"].as_str().unwrap());
    let other = shop.user().await.get(&path).await;
    assert_eq!(other.refusal(), (403, "forbidden".to_owned()));
    assert_eq!(
        other.message(),
        "you don't have permission to view this order"
    );
    assert_eq!(shop.admin().await.get(&path).await.data(), order);
    for id in ["x", "00000000-0000-4000-8000-000000000000"] {
        let answer = user.get(&format!("{ORDERS}/{id}")).await;
        assert_eq!(answer.refusal(), (404, "order_not_found".to_owned()));
    }
    let missing = user.get(&format!("{ORDERS}/")).await;
    assert_eq!(
        (missing.refusal().0, missing.message()),
        (400, "Order ID is required".to_owned())
    );
}

#[tokio::test]
async fn a_refused_order_is_told_by_its_field() {
    let shop = Shop::open().await;
    let user = shop.user().await;
    assert_eq!(
        place(&user, json!({})).await.refusal(),
        (400, "cart_empty".to_owned())
    );
    user.add("prod-1", 1).await;
    let address = |name: &str, value: Value| {
        let mut address = body(json!({}))["shipping_address"].clone();
        address[name] = value;
        address
    };
    let codes: Vec<_> = (0..11).map(|n| format!("c{n}")).collect();
    let usd = |amount: i64| json!({"amount": amount, "currency": "USD"});
    let cases = [
        (
            json!({"shipping_address": null}),
            400,
            "shipping_address is required",
        ),
        (
            json!({"shipping_address": ["John"]}),
            400,
            "shipping_address must be an object",
        ),
        (
            json!({"shipping_address": address("city", json!(" "))}),
            400,
            "shipping_address.city is required",
        ),
        (
            json!({"shipping_address": address("city", json!(1))}),
            400,
            "shipping_address.city must be a string",
        ),
        (
            json!({"billing_address": address("country", json!("XX"))}),
            400,
            "billing_address.country must be an ISO 3166-1 alpha-2 country code",
        ),
        (
            json!({"payment_method_id": ""}),
            400,
            "payment_method_id must be 1 to 255 visible ASCII characters",
        ),
        (
            json!({"promotion_codes": codes}),
            400,
            "promotion_codes must be at most 10",
        ),
        (
            json!({"promotion_codes": [""]}),
            400,
            "promotion_codes[0] must not be empty",
        ),
        (
            json!({"promotion_codes": "SAVE10"}),
            400,
            "promotion_codes must be a list",
        ),
        (
            json!({"shipping_method_id": "none"}),
            400,
            "shipping_method_id none is not a shipping method of this shop",
        ),
        (
            json!({"notes": "x".repeat(2_001)}),
            400,
            "notes must be at most 2000 characters",
        ),
        (
            json!({"expected_total": {"amount": 1}}),
            400,
            "expected_total.currency is required",
        ),
        (
            json!({"expected_total": usd(1)}),
            409,
            "expected_total is not what the order comes to: the total is now 1087.49 USD",
        ),
    ];
    for (changes, status, message) in cases {
        let answer = place(&user, changes).await;
        assert_eq!(
            (answer.refusal().0, answer.message().as_str()),
            (status, message)
        );
    }
    let placed = place(&user, json!({"expected_total": usd(108_749)})).await;
    assert_eq!(placed.status, 201);
}

#[tokio::test]
async fn a_key_places_one_order() {
    let shop = Shop::open().await;
    let user = shop.user().await;
    user.add("prod-1", 1).await;
    let under = async |changes: Value| {
        let request = user
            .request(Method::POST, ORDERS)
            .header("idempotency-key", "order-1");
        Answer::of(request.json(&body(changes))).await
    };
    let first = under(json!({})).await;
    let again = under(json!({})).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.data(), again.data());
    assert_eq!(first.header("idempotent-replayed"), "");
    assert_eq!(again.header("idempotent-replayed"), "true");
    let other = under(json!({"notes": "x"})).await;
    assert_eq!(other.refusal(), (422, "idempotency_key_reused".to_owned()));
    assert_eq!(user.get(ORDERS).await.json()["meta"]["total_items"], 1);
}
