//! The cart's endpoints.

use super::client::{Answer, Shop, User};
use reqwest::Method;
use serde_json::{Value, json};

const CART: &str = "/api/v1/cart";
const ITEMS: &str = "/api/v1/cart/items";

async fn post(user: &User<'_>, body: Value) -> Answer {
    user.send(Method::POST, ITEMS, &body).await
}

fn line(cart: &Answer) -> String {
    let id = cart.data()["items"][0]["id"].as_str().unwrap().to_owned();
    format!("{ITEMS}/{id}")
}

#[tokio::test]
async fn a_cart_is_there_before_its_first_change() {
    let shop = Shop::open().await;
    let user = shop.user().await;
    let first = user.get(CART).await;
    let cart = first.data();
    assert_eq!(cart["user_id"], user.id.as_str());
    assert_eq!(
        (&cart["session_id"], &cart["items"]),
        (&"".into(), &json!([]))
    );
    assert_eq!(cart["created_at"], cart["updated_at"]);
    assert_eq!(first.header("etag"), "\"0\"");
    assert_eq!(first.header("cache-control"), "no-store");
    let known = user.request(Method::GET, CART).header("if-none-match", "*");
    assert_eq!(Answer::of(known).await.status, 200);
    assert_eq!(user.get(CART).await.data(), cart);
    assert_ne!(shop.user().await.get(CART).await.data()["id"], cart["id"]);
}

#[tokio::test]
async fn items_are_added_changed_and_removed() {
    let shop = Shop::open().await;
    let user = shop.user().await;
    let added = post(
        &user,
        json!({
            "product_id": "prod-1", "variant_id": null, "quantity": 2, "price": 1, "user_id": "x",
            "attributes": {"color": "Black", "size": "15-inch"},
        }),
    )
    .await;
    assert_eq!(
        (added.status.as_u16(), added.header("etag")),
        (200, "\"1\"")
    );
    let mut item = added.data()["items"][0].clone();
    item["id"] = "id".into();
    insta::assert_snapshot!(item, @r#"{"attributes":{"color":"Black","size":"15-inch"},"id":"id","name":"Professional Laptop","price":{"amount":99999,"currency":"USD"},"product_id":"prod-1","quantity":2,"sku":"LAPTOP-001","variant_id":null}"#);
    let path = line(&added);
    let set = user
        .send(Method::PATCH, &path, &json!({"quantity": 3}))
        .await;
    assert_eq!(set.data()["items"][0]["quantity"], 3);
    user.add("prod-3", 1).await;
    let sale = user.get(CART).await.data()["items"][1]["price"]["amount"].clone();
    assert_eq!(sale, 169_900);
    assert_eq!(
        user.get(CART).await.data()["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let removed = user.delete(&path).await;
    assert_eq!(removed.data()["items"][0]["product_id"], "prod-3");
    assert_eq!(
        user.delete(&path).await.refusal(),
        (404, "item_not_found".to_owned())
    );
    let cleared = user.delete(CART).await;
    assert_eq!(
        (cleared.status.as_u16(), &cleared.data()["items"]),
        (200, &json!([]))
    );
}

#[tokio::test]
async fn a_refused_item_is_told_by_its_field() {
    let shop = Shop::open().await;
    let user = shop.user().await;
    let item = |changes: Value| {
        let mut body = json!({"product_id": "prod-1", "quantity": 1});
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let cases = [
        (json!({"quantity": 0}), "invalid_quantity"),
        (json!({"quantity": -1}), "invalid_quantity"),
        (json!({"quantity": 1000}), "invalid_quantity"),
        (json!({"quantity": "2"}), "invalid_request"),
        (json!({"quantity": 1.5}), "invalid_request"),
        (json!({"quantity": null}), "invalid_request"),
        (json!({"product_id": "none"}), "product_not_found"),
        (json!({"product_id": ""}), "product_not_found"),
        (json!({"product_id": 1}), "invalid_request"),
        (json!({"variant_id": "none"}), "variant_not_found"),
        (json!({"product_id": "prod-4"}), "variant_required"),
        (json!({"quantity": 51}), "out_of_stock"),
        (json!({"attributes": {"a": 1}}), "invalid_request"),
        (json!({"attributes": {"": "x"}}), "invalid_attributes"),
    ];
    for (changes, code) in cases {
        let answer = post(&user, item(changes.clone())).await;
        assert_eq!(answer.refusal(), (400, code.to_owned()), "{changes}");
        let field = changes.as_object().unwrap().keys().next().unwrap();
        if code != "variant_required" && code != "out_of_stock" {
            assert!(
                answer.message().contains(field.as_str()),
                "{}",
                answer.message()
            );
        }
    }
    assert_eq!(user.get(CART).await.header("etag"), "\"0\"");
    for id in ["x", "00000000-0000-0000-0000-000000000000", "%FF"] {
        let answer = user.delete(&format!("{ITEMS}/{id}")).await;
        assert_eq!(answer.refusal(), (404, "item_not_found".to_owned()));
    }
    for method in [Method::PATCH, Method::DELETE] {
        let answer = user
            .send(method, &format!("{ITEMS}/"), &json!({"quantity": 1}))
            .await;
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
        assert_eq!(answer.message(), "Item ID is required");
    }
}

#[tokio::test]
async fn a_change_under_a_stale_etag_is_refused() {
    let shop = Shop::open().await;
    let user = shop.user().await;
    let body = json!({"product_id": "prod-1", "quantity": 1});
    let under = async |etag: &str| {
        let request = user
            .request(Method::POST, ITEMS)
            .header("if-match", etag)
            .json(&body);
        Answer::of(request).await
    };
    for never in ["\"1\"", "W/\"0\"", "0", "\"x\""] {
        assert_eq!(
            under(never).await.refusal(),
            (412, "precondition_failed".to_owned())
        );
    }
    assert_eq!(under("\"0\"").await.header("etag"), "\"1\"");
    assert_eq!(under("\"0\", \"1\"").await.header("etag"), "\"2\"");
    assert_eq!(under("*").await.header("etag"), "\"3\"");
    assert_eq!(user.get(CART).await.data()["items"][0]["quantity"], 3);
}

#[tokio::test]
async fn a_key_takes_effect_once() {
    let shop = Shop::open().await;
    let user = shop.user().await;
    let under = async |key: &str, quantity: i64| {
        let body = json!({"product_id": "prod-1", "quantity": quantity});
        let request = user
            .request(Method::POST, ITEMS)
            .header("idempotency-key", key);
        Answer::of(request.json(&body)).await
    };
    let first = under("k-1", 2).await;
    assert_eq!(
        (first.status.as_u16(), first.header("idempotent-replayed")),
        (200, "")
    );
    let again = under("k-1", 2).await;
    assert_eq!(
        (again.status.as_u16(), again.header("idempotent-replayed")),
        (200, "true")
    );
    assert_eq!(again.data()["items"][0]["quantity"], 2);
    assert_eq!(
        under("k-1", 3).await.refusal(),
        (422, "idempotency_key_reused".to_owned())
    );
    let elsewhere = user
        .request(Method::DELETE, CART)
        .header("idempotency-key", "k-1");
    assert_eq!(Answer::of(elsewhere).await.status, 422);
    assert_eq!(
        under("a b", 1).await.refusal(),
        (400, "invalid_request".to_owned())
    );
    assert_eq!(under("k-2", 0).await.status, 400);
    assert_eq!(under("k-2", 1).await.data()["items"][0]["quantity"], 3);
}
