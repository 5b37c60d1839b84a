//! Who is told to come again later, and who is not. A trusted proxy, the tests' own address, says
//! who asks.

use crate::app::TestApp;
use futures::future::join_all;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ANN: &str = "203.0.113.9";
const BOB: &str = "198.51.100.7";

struct Limited(TestApp);

impl Limited {
    async fn spawn(limits: &str) -> Self {
        let flags = ["--trusted-proxies", "127.0.0.1", "--rate-limit", limits];
        Self(TestApp::with(&flags).await)
    }

    async fn from(
        &self,
        client: &str,
        (method, path): (Method, &str),
        token: Option<&str>,
        body: Option<Value>,
    ) -> Response {
        let request = self.0.request(method, path);
        let mut request = request.header("x-forwarded-for", client);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    async fn get(&self, client: &str, path: &str, token: Option<&str>) -> StatusCode {
        let answer = self.from(client, (Method::GET, path), token, None).await;
        answer.status()
    }

    async fn post(&self, client: &str, path: &str, body: Value) -> StatusCode {
        let answer = self.from(client, (Method::POST, path), None, Some(body));
        answer.await.status()
    }
}

fn count(answers: &[StatusCode], status: u16) -> usize {
    answers.iter().filter(|answer| **answer == status).count()
}

const BRANDS: &str = "/api/v1/catalog/brands";
const CART: &str = "/api/v1/cart";
const LOGIN: &str = "/api/v1/auth/login";

#[tokio::test]
async fn a_storm_of_logins_leaves_carts_sessions_and_other_addresses_alone() {
    let shop = Limited::spawn("credentials=5/h,refresh=1/h,anonymous=2/h,user=2/h").await;
    // From the tests' own address.
    let session = shop.0.register("ann@example.com").await;
    let wrong = json!({"email": "ann@example.com", "password": "wrong password"});
    let storm = join_all((0..40).map(|_| shop.post(ANN, LOGIN, wrong.clone()))).await;
    assert_eq!((count(&storm, 401), count(&storm, 429)), (5, 35));
    let token = session["access_token"].as_str();
    assert_eq!(shop.get(ANN, CART, token).await, 200);
    assert_eq!(shop.get(ANN, BRANDS, None).await, 200);
    let refresh = json!({"refresh_token": session["refresh_token"]});
    let refreshed = shop
        .post(ANN, "/api/v1/auth/refresh", refresh.clone())
        .await;
    assert_eq!(refreshed, 200);
    let again = shop.post(ANN, "/api/v1/auth/refresh", refresh).await;
    assert_eq!(again, 429);
    assert_eq!(shop.post(BOB, LOGIN, wrong).await, 401);
    let right = json!({"email": "ann@example.com", "password": "correct horse"});
    assert_eq!(shop.post(ANN, LOGIN, right.clone()).await, 429);
    assert_eq!(shop.post(BOB, LOGIN, right).await, 200);
}

#[tokio::test]
async fn users_behind_one_address_have_a_count_each_wherever_they_go() {
    let shop = Limited::spawn("user=3/h,anonymous=1/h").await;
    let (ann, bob) = (
        shop.0.token("ann@example.com").await,
        shop.0.token("bob@example.com").await,
    );
    for client in [ANN, BOB, ANN] {
        assert_eq!(shop.get(client, CART, Some(&ann)).await, 200);
    }
    for _ in 0..3 {
        assert_eq!(shop.get(ANN, CART, Some(&bob)).await, 200);
    }
    let refused = shop.from(BOB, (Method::GET, CART), Some(&ann), None).await;
    assert_eq!(refused.status(), 429);
    let seconds = refused.headers()["retry-after"].to_str().unwrap();
    assert!((1..=1_200).contains(&seconds.parse::<u32>().unwrap()));
    let seconds = format!("in {seconds} s");
    let body = refused
        .text()
        .await
        .unwrap()
        .replace(&seconds, "in [so many] s");
    insta::assert_snapshot!(
        body,
        @r#"{"error":{"code":"rate_limited","message":"too many requests, try again in [so many] s"}}"#
    );
}

#[tokio::test]
async fn forged_tokens_and_unknown_paths_count_like_anything_else_of_the_address() {
    let shop = Limited::spawn("anonymous=4/h").await;
    let token = shop.0.token("ann@example.com").await;
    assert_eq!(shop.get(ANN, CART, Some("forged")).await, 401);
    assert_eq!(shop.get(ANN, CART, None).await, 401);
    assert_eq!(shop.get(ANN, "/api/v1/nowhere", None).await, 404);
    assert_eq!(shop.get(ANN, LOGIN, None).await, 405);
    for path in [CART, BRANDS, "/api/v1/nowhere", LOGIN] {
        assert_eq!(shop.get(ANN, path, Some("forged")).await, 429, "{path}");
    }
    assert_eq!(shop.get(ANN, CART, Some(&token)).await, 200);
    assert_eq!(shop.get(BOB, CART, Some("forged")).await, 401);
    for _ in 0..10 {
        assert_eq!(shop.get(ANN, "/health", None).await, 200);
        assert_eq!(shop.get(ANN, "/ready", None).await, 200);
    }
}

#[tokio::test]
async fn who_is_refused_may_end_its_body_and_keeps_the_connection() {
    let shop = Limited::spawn("credentials=1/h").await;
    assert_eq!(shop.post("127.0.0.1", LOGIN, json!({})).await, 400);
    let address = shop.0.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Who wants to know beforehand whether the body is read is told so.
    let head = format!(
        "POST {LOGIN} HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(next(&mut stream).await.starts_with("HTTP/1.1 100"));
    stream.write_all(b"{}").await.unwrap();
    assert!(next(&mut stream).await.starts_with("HTTP/1.1 429"));
    let health = "GET /health HTTP/1.1\r\nHost: shop\r\n\r\n";
    stream.write_all(health.as_bytes()).await.unwrap();
    assert!(next(&mut stream).await.starts_with("HTTP/1.1 200"));
}

/// What comes next on a connection; a short answer comes in one piece.
async fn next(stream: &mut TcpStream) -> String {
    let mut buffer = [0; 4096];
    let length = stream.read(&mut buffer).await.unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[tokio::test]
async fn nobody_but_a_trusted_proxy_says_who_asks() {
    let shop = Limited(TestApp::with(&["--rate-limit", "anonymous=2/h"]).await);
    assert_eq!(shop.get(ANN, BRANDS, None).await, 200);
    assert_eq!(shop.get(BOB, BRANDS, None).await, 200);
    assert_eq!(shop.get("192.0.2.1", BRANDS, None).await, 429);
}

#[tokio::test]
async fn off_is_off_and_on_lets_a_busy_person_through() {
    let off = Limited::spawn("off").await;
    let asked = join_all((0..300).map(|_| off.get(ANN, BRANDS, None))).await;
    assert_eq!(count(&asked, 200), 300);
    let on = Limited::spawn("on").await;
    let asked = join_all((0..100).map(|_| on.get(ANN, BRANDS, None))).await;
    assert_eq!(count(&asked, 200), 100);
}
