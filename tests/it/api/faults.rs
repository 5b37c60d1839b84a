//! What clients see when the node or its store is in trouble, and who is harmed.

use crate::app::{TestApp, order_body};
use cartwright::domain::ids::UserId;
use cartwright::sources::SystemClock;
use cartwright::store::fault::{Fault, FaultPlan, FaultyStore, Op};
use cartwright::store::memory::MemoryStore;
use cartwright::store::{Commit, Partition};
use futures::future::join_all;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

struct Troubled {
    app: TestApp,
    store: FaultyStore<MemoryStore>,
}

impl Troubled {
    async fn spawn(flags: &[&str]) -> Self {
        let store = FaultyStore::new(MemoryStore::new(Arc::new(SystemClock)), FaultPlan::NONE);
        let app = TestApp::over(Arc::new(store.clone()), flags).await;
        Self { app, store }
    }

    async fn user(&self, email: &str) -> (UserId, String) {
        let data = self.app.register(email).await;
        let id = UserId::parse(data["user"]["id"].as_str().unwrap()).unwrap();
        (id, data["access_token"].as_str().unwrap().to_owned())
    }

    async fn add(&self, token: &str) -> Response {
        let item = json!({"product_id": "prod-1", "quantity": 1});
        self.app
            .send(Method::POST, "/api/v1/cart/items", Some(token), &item)
            .await
    }

    async fn quantity(&self, token: &str) -> i64 {
        let cart: Value = self
            .app
            .get("/api/v1/cart", Some(token))
            .await
            .json()
            .await
            .unwrap();
        cart["data"]["items"][0]["quantity"].as_i64().unwrap_or(0)
    }
}

fn is_of(commit: &Commit, user: UserId) -> bool {
    commit.change.partition() == Partition::User(user)
}

/// The answer is an error of this status and code that says when to come again.
async fn assert_come_again(answer: Response, status: StatusCode, code: &str) {
    assert_eq!(answer.status(), status);
    let after = answer.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse::<u64>()
        .unwrap();
    assert!(after >= 1);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["error"]["code"], code);
}

#[tokio::test]
async fn a_store_that_hangs_for_one_user_is_503_for_that_user_alone() {
    let shop = Troubled::spawn(&["--request-timeout", "1500ms"]).await;
    let ((ann, ann_token), (_, bob_token)) = (
        shop.user("ann@example.com").await,
        shop.user("bob@example.com").await,
    );
    let hang = shop
        .store
        .pause(move |op| matches!(op, Op::Commit(commit) if is_of(commit, ann)));
    let answer = shop.add(&ann_token).await;
    assert_come_again(answer, StatusCode::SERVICE_UNAVAILABLE, "unavailable").await;
    // A read would show what is being committed: it waits too.
    let read = shop.app.get("/api/v1/cart", Some(&ann_token)).await;
    assert_come_again(read, StatusCode::SERVICE_UNAVAILABLE, "unavailable").await;
    assert_eq!(shop.add(&bob_token).await.status(), 200);
    hang.release();
    // The change was sent before the client was told that nothing is known of it.
    assert_eq!(shop.quantity(&ann_token).await, 1);
}

#[tokio::test]
async fn a_full_mailbox_is_429_for_that_user_alone() {
    let shop = Troubled::spawn(&["--user-queue", "3"]).await;
    let ((ann, ann_token), (_, bob_token)) = (
        shop.user("ann@example.com").await,
        shop.user("bob@example.com").await,
    );
    let hang = shop
        .store
        .pause(move |op| matches!(op, Op::Commit(commit) if is_of(commit, ann)));
    let asking = join_all((0..8).map(|_| shop.add(&ann_token)));
    let releasing = async {
        hang.reached(1).await;
        assert_eq!(shop.add(&bob_token).await.status(), 200);
        // Three wait; the rest were refused at once, so nothing else is to come.
        hang.release();
    };
    let (answers, ()) = tokio::join!(asking, releasing);
    let done = answers
        .iter()
        .filter(|answer| answer.status() == 200)
        .count();
    assert!(done >= 3, "{done}");
    for answer in answers.into_iter().filter(|answer| answer.status() != 200) {
        assert_come_again(answer, StatusCode::TOO_MANY_REQUESTS, "too_many_requests").await;
    }
    assert_eq!(
        shop.quantity(&ann_token).await,
        i64::try_from(done).unwrap()
    );
}

#[tokio::test]
async fn a_node_with_as_many_requests_as_it_takes_is_503_at_once() {
    let shop = Troubled::spawn(&["--max-in-flight", "1"]).await;
    let (ann, token) = shop.user("ann@example.com").await;
    let hang = shop
        .store
        .pause(move |op| matches!(op, Op::Commit(commit) if is_of(commit, ann)));
    let over = async {
        hang.reached(1).await;
        let answer = shop.app.get("/api/v1/catalog/brands", None).await;
        assert_come_again(answer, StatusCode::SERVICE_UNAVAILABLE, "overloaded").await;
        hang.release();
    };
    let (added, ()) = tokio::join!(shop.add(&token), over);
    assert_eq!(added.status(), 200);
    assert_eq!(
        shop.app.get("/api/v1/catalog/brands", None).await.status(),
        200
    );
}

#[tokio::test]
async fn a_store_that_refuses_every_write_costs_nothing_that_was_acknowledged() {
    let shop = Troubled::spawn(&[]).await;
    let (_, token) = shop.user("ann@example.com").await;
    assert_eq!(shop.add(&token).await.status(), 200);
    // So does a full disk.
    shop.store
        .script(|op| matches!(op, Op::Commit(_) | Op::PutAttempt(_)).then_some(Fault::Refused));
    let answer = shop.add(&token).await;
    assert_come_again(answer, StatusCode::SERVICE_UNAVAILABLE, "unavailable").await;
    let order = shop
        .app
        .send(Method::POST, "/api/v1/orders", Some(&token), &order_body())
        .await;
    assert_come_again(order, StatusCode::SERVICE_UNAVAILABLE, "unavailable").await;
    let body = json!({
        "email": "bob@example.com", "password": "correct horse",
        "first_name": "Bob", "last_name": "Ray",
    });
    let register = shop
        .app
        .send(Method::POST, "/api/v1/auth/register", None, &body)
        .await;
    assert_come_again(register, StatusCode::SERVICE_UNAVAILABLE, "unavailable").await;
    assert_eq!(shop.quantity(&token).await, 1);
    shop.store.script(|_| None);
    assert_eq!(shop.add(&token).await.status(), 200);
    assert_eq!(shop.quantity(&token).await, 2);
    let order = shop
        .app
        .send(Method::POST, "/api/v1/orders", Some(&token), &order_body())
        .await;
    assert_eq!(order.status(), 201);
}

#[tokio::test]
async fn three_hundred_logins_at_once_slow_logins_and_not_carts() {
    let shop = Troubled::spawn(&["--login-queue", "4"]).await;
    let (_, token) = shop.user("ann@example.com").await;
    let body = json!({"email": "ann@example.com", "password": "wrong password"});
    let logins = join_all((0..300).map(|_| {
        shop.app
            .send(Method::POST, "/api/v1/auth/login", None, &body)
    }));
    let (logins, cart) = tokio::join!(logins, shop.add(&token));
    assert_eq!(cart.status(), 200);
    for answer in logins {
        if answer.status() != StatusCode::UNAUTHORIZED {
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(answer.headers().contains_key("retry-after"));
        }
    }
}
