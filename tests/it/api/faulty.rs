//! That the tests of this folder do meet faults, where they are to.

use super::client::Shop;
use crate::faulty::seed;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn where_faults_are_drawn_everything_is_done_once_for_whoever_repeats_it() {
    if seed().is_none() {
        return;
    }
    let shop = Shop::open().await;
    let user = shop.user().await;
    for units in 1..=20 {
        let cart = user.add("prod-2", 1).await.data();
        assert_eq!(cart["items"][0]["quantity"], json!(units));
    }
    let line = user.get("/api/v1/cart").await.data()["items"][0]["id"].clone();
    let path = format!("/api/v1/cart/items/{}", line.as_str().unwrap());
    for change in 0..200 {
        let units = 1 + change % 20;
        let body = json!({"quantity": units});
        let cart = user.send(Method::PATCH, &path, &body).await.data();
        assert_eq!(cart["items"][0]["quantity"], json!(units));
    }
    assert!(shop.app.faults() > 0);
}
