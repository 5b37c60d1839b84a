//! What an order would come to, before it is placed: quotes, shipping methods, `expected_total`.

use super::shop::{Shop, body, refusal, totals};
use crate::app::{TestApp, with_token};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const RULES: &str = r#"
{"type":"tax_rate","country":"US","rate":"1"}
{"type":"tax_rate","country":"US","state":"New York","rate":"8.75"}
{"type":"tax_rate","country":"US","state":"PR","rate":"11.5"}
{"type":"tax_rate","country":"DE","rate":"19"}
{"type":"shipping_method","id":"slow","name":"Slow","price":{"amount":500,"currency":"USD"},"free_from":{"amount":5000,"currency":"USD"},"position":1}
{"type":"shipping_method","id":"fast","name":"Fast","price":{"amount":1500,"currency":"USD"},"position":2}
{"type":"promotion","code":"SAVE10","percent":"10"}
"#;

#[tokio::test]
async fn a_quote_is_what_the_order_then_says_and_changes_nothing() {
    let shop = Shop::with(RULES).await;
    let ann = shop.customer("ann", &[("shirt", 1), ("mug", 2)]).await;
    let cart = shop
        .app
        .get("/api/v1/cart", Some(&ann))
        .await
        .text()
        .await
        .unwrap();
    let wanted = json!({
        "promotion_codes": ["save10"], "shipping_method_id": "fast",
        "expected_total": {"amount": 1, "currency": "USD"},
    });
    // The key takes no effect: it is as good as new for the order.
    let ask = |path: &'static str, body: Value| {
        let request = shop.app.request(Method::POST, path).json(&body);
        let request = request
            .header("idempotency-key", "key-1")
            .header("if-match", "\"0\"");
        with_token(request, Some(&ann)).send()
    };
    let quote = ask("/api/v1/orders/quote", body(wanted.clone()))
        .await
        .unwrap();
    assert_eq!(quote.status(), 200);
    let quote: Value = quote.json().await.unwrap();
    let unchanged = shop
        .app
        .get("/api/v1/cart", Some(&ann))
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(unchanged, cart);
    let none: Value = shop
        .app
        .get("/api/v1/orders", Some(&ann))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(none["meta"]["total_items"], 0);

    let total = quote["data"]["total"].clone();
    let order = shop
        .app
        .request(Method::POST, "/api/v1/orders")
        .json(&body(json!({
            "promotion_codes": ["SAVE10"], "shipping_method_id": "fast", "expected_total": total,
        })))
        .header("idempotency-key", "key-1")
        .bearer_auth(&ann);
    let order = order.send().await.unwrap();
    assert_eq!(order.status(), 201);
    assert!(!order.headers().contains_key("idempotent-replayed"));
    let order: Value = order.json().await.unwrap();
    for name in [
        "items",
        "subtotal",
        "discount_total",
        "tax_total",
        "shipping_total",
        "total",
    ] {
        assert_eq!(quote["data"][name], order["data"][name], "{name}");
    }
    assert_eq!(quote["data"]["shipping_method_id"], "fast");
    assert_eq!(quote["data"]["promotion_codes"], json!(["SAVE10"]));
    assert_eq!(totals(&quote), [3_998, 399, 315, 1_500, 5_414]);
    let line = &quote["data"]["items"][0];
    assert_eq!(
        (&line["variant_id"], &line["attributes"]),
        (&json!(null), &json!({}))
    );
}

#[tokio::test]
async fn everything_in_a_quote_is_optional_and_what_is_given_is_checked() {
    let shop = Shop::with(RULES).await;
    let ann = shop.customer("ann", &[("shirt", 1)]).await;
    let empty = shop
        .app
        .request(Method::POST, "/api/v1/orders/quote")
        .bearer_auth(&ann);
    let empty: Value = empty.send().await.unwrap().json().await.unwrap();
    assert_eq!(totals(&empty), [2_000, 0, 0, 500, 2_500]);
    for nothing in [
        json!({}),
        json!({"shipping_address": null, "promotion_codes": null, "notes": null}),
        json!({"shipping_address": {"city": "New York", "country": "US"}}),
    ] {
        assert_eq!(
            shop.quote(&ann, &nothing).await,
            (StatusCode::OK, empty.clone())
        );
    }
    for (wrong, message) in [
        (
            json!({"shipping_address": []}),
            "shipping_address must be an object",
        ),
        (
            json!({"shipping_address": {"country": "XX"}}),
            "shipping_address.country must be an ISO 3166-1 alpha-2 country code",
        ),
        (
            json!({"billing_address": {"postal_code": "123456789012345678901"}}),
            "billing_address.postal_code must be at most 20 characters",
        ),
        (
            json!({"payment_method_id": ""}),
            "payment_method_id must be 1 to 255 visible ASCII characters",
        ),
        (
            json!({"promotion_codes": [""]}),
            "promotion_codes[0] must not be empty",
        ),
        (json!({"notes": 1}), "notes must be a string"),
        (
            json!({"expected_total": {"amount": "1", "currency": "USD"}}),
            "expected_total.amount must be a whole number",
        ),
    ] {
        let (status, answer) = shop.quote(&ann, &wrong).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
        assert_eq!(refusal(&answer), ("invalid_request", message));
    }
    let (status, answer) = shop
        .quote(&ann, &json!({"shipping_method_id": "none"}))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(refusal(&answer).0, "unknown_shipping_method");
    let bob = shop.customer("bob", &[]).await;
    let (status, answer) = shop.quote(&bob, &json!({})).await;
    assert_eq!(
        (status, refusal(&answer).0),
        (StatusCode::BAD_REQUEST, "cart_empty")
    );
    let stranger = shop
        .app
        .send(Method::POST, "/api/v1/orders/quote", None, &json!({}))
        .await;
    assert_eq!(stranger.status(), 401);
}

#[tokio::test]
async fn tax_follows_the_country_and_the_state_however_they_are_written() {
    let shop = Shop::with(RULES).await;
    let ann = shop.customer("ann", &[("shirt", 1)]).await;
    for (country, state, tax) in [
        ("US", "NY", 175),
        ("us", " new york ", 175),
        ("US", "us-ny", 175),
        ("US", "Oregon", 20),
        ("US", "Puerto Rico", 230),
        ("PR", "", 230),
        ("pr", "San Juan", 230),
        ("DE", "", 380),
        ("DE", "NY", 380),
        ("FR", "", 0),
    ] {
        let address = json!({"country": country, "state": state});
        let (status, quote) = shop
            .quote(&ann, &json!({"shipping_address": address}))
            .await;
        assert_eq!(status, StatusCode::OK, "{quote}");
        assert_eq!(totals(&quote)[2], tax, "{country} {state}");
    }
    let mut address = body(json!({}))["shipping_address"].take();
    address["state"] = json!("new york");
    let (_, order) = shop.order(&ann, json!({"shipping_address": address})).await;
    assert_eq!(order["data"]["shipping_address"]["state"], "NY");
    assert_eq!(totals(&order)[2], 175);
}

#[tokio::test]
async fn an_order_at_another_total_than_expected_is_not_placed() {
    let shop = Shop::with(RULES).await;
    let ann = shop.customer("ann", &[("shirt", 1)]).await;
    for (amount, currency) in [(2_674, "USD"), (2_676, "USD"), (0, "USD"), (2_675, "EUR")] {
        let expected = json!({"amount": amount, "currency": currency});
        let (status, answer) = shop.order(&ann, json!({"expected_total": expected})).await;
        assert_eq!(status, StatusCode::CONFLICT);
        let message = "expected_total is not what the order comes to: the total is now 26.75 USD";
        assert_eq!(refusal(&answer), ("price_changed", message));
    }
    for (wrong, message) in [
        (json!(2_675), "expected_total must be an object"),
        (
            json!({"amount": 2_675}),
            "expected_total.currency is required",
        ),
        (
            json!({"amount": 26.75, "currency": "USD"}),
            "expected_total.amount must be a whole number",
        ),
        (
            json!({"amount": 2_675, "currency": "dollars"}),
            "expected_total.currency must be an ISO 4217 currency code of three letters",
        ),
    ] {
        let (status, answer) = shop.order(&ann, json!({"expected_total": wrong})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
        assert_eq!(refusal(&answer), ("invalid_request", message));
    }
    let expected = json!({"amount": 2_675, "currency": "usd"});
    let (status, _) = shop.order(&ann, json!({"expected_total": expected})).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(shop.closed().await.of_sku("SHIRT").await, [99, 0, 1]);
}

#[tokio::test]
async fn shipping_methods_are_listed_default_first_and_cached() {
    let shop = Shop::with(RULES).await;
    let path = "/api/v1/shipping-methods";
    let answer = shop.app.get(path, None).await;
    assert_eq!(answer.status(), 200);
    let etag = answer.headers()["etag"].clone();
    assert!(
        answer.headers()["cache-control"]
            .to_str()
            .unwrap()
            .contains("max-age")
    );
    let listed: Value = answer.json().await.unwrap();
    let usd = |amount: i64| json!({"amount": amount, "currency": "USD"});
    assert_eq!(
        listed,
        json!({"data": [
            {"id": "slow", "name": "Slow", "price": usd(500), "free_from": usd(5_000)},
            {"id": "fast", "name": "Fast", "price": usd(1_500), "free_from": null},
        ]})
    );
    let again = shop
        .app
        .request(Method::GET, path)
        .header("if-none-match", etag);
    assert_eq!(again.send().await.unwrap().status(), 304);

    // The threshold is of the discounted subtotal: 60.00 is above, 54.00 is, 45.00 is not.
    let ann = shop.customer("ann", &[("shirt", 3)]).await;
    let coded = json!({"promotion_codes": ["SAVE10"]});
    assert_eq!(
        totals(&shop.quote(&ann, &coded).await.1),
        [6_000, 600, 0, 0, 5_400]
    );
    let bob = shop.customer("bob", &[("shirt", 2), ("mug", 1)]).await;
    assert_eq!(
        totals(&shop.quote(&bob, &coded).await.1),
        [4_999, 499, 0, 500, 5_000]
    );
}

#[tokio::test]
async fn a_shop_without_shipping_methods_sends_for_free() {
    let empty = TestApp::with(&["--demo-catalog", "off"]).await;
    let listed: Value = empty
        .get("/api/v1/shipping-methods", None)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        listed["data"],
        json!([{
            "id": "ship_standard", "name": "Standard shipping",
            "price": {"amount": 0, "currency": "USD"}, "free_from": null,
        }])
    );
    let yen = Shop::of(r#"{"type":"product","id":"fan","sku":"FAN","name":"Fan","base_price":{"amount":500,"currency":"JPY"},"stock":9}"#).await;
    let listed: Value = yen
        .app
        .get("/api/v1/shipping-methods", None)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        listed["data"][0]["price"],
        json!({"amount": 0, "currency": "JPY"})
    );
    let ann = yen.customer("ann", &[("fan", 2)]).await;
    assert_eq!(
        totals(&yen.quote(&ann, &json!({})).await.1),
        [1_000, 0, 0, 0, 1_000]
    );
    let expected = json!({"expected_total": {"amount": 1, "currency": "JPY"}});
    let (_, answer) = yen.order(&ann, expected).await;
    assert!(refusal(&answer).1.ends_with("is now 1000 JPY"), "{answer}");
}
