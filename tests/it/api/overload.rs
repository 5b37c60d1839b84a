//! A node that has more to do than time. Many are connected, and all ask before it looks at the
//! first, on the one thread that there is, so that most of them wait for longer than they may.

use crate::app::TestApp;
use reqwest::Method;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CLIENTS: usize = 250;
/// Less than it takes to answer so many as may wait for however long.
const PATIENCE: &str = "1ms";

/// Many, each of whom has asked this at once, numbered in place of `{}`.
async fn asked(app: &TestApp, request: &str) -> Vec<TcpStream> {
    let address = app.url.strip_prefix("http://").unwrap();
    let mut streams = Vec::new();
    for _ in 0..CLIENTS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let health = "GET /health HTTP/1.1\r\nHost: shop\r\n\r\n";
        stream.write_all(health.as_bytes()).await.unwrap();
        let length = stream.read(&mut [0; 1_024]).await.unwrap();
        assert_ne!(length, 0);
        streams.push(stream);
    }
    // Nothing is awaited meanwhile: the server does not run.
    for (number, stream) in streams.iter().enumerate() {
        let request = request.replace("{}", &number.to_string());
        assert_eq!(stream.try_write(request.as_bytes()).unwrap(), request.len());
    }
    streams
}

/// The answers to this, as [`asked`]; of each all that came until the connection was closed.
async fn answers(app: &TestApp, request: &str) -> Vec<String> {
    let mut answers = Vec::new();
    for mut stream in asked(app, request).await {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answers.push(answer);
    }
    answers
}

fn is_refused(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 503 ")
}

#[tokio::test]
async fn what_waited_too_long_is_refused_to_the_letter_and_not_done() {
    let flags = ["--queue-timeout", PATIENCE, "--user-queue", "1000"];
    let app = TestApp::with(&flags).await;
    let token = app.token("ann@example.com").await;
    let body = r#"{"product_id":"prod-1","quantity":1}"#;
    let request = format!(
        "POST /api/v1/cart/items HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nX-Request-Id: ann-{{}}\r\nIdempotency-Key: {{}}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answers = answers(&app, &request).await;
    let refused = answers.iter().filter(|answer| is_refused(answer)).count();
    assert_ne!(refused, 0);
    let number = answers
        .iter()
        .position(|answer| is_refused(answer))
        .unwrap();
    let (head, body) = answers[number].split_once("\r\n\r\n").unwrap();
    insta::assert_snapshot!(
        body,
        @r#"{"error":{"code":"overloaded","message":"too many requests are being served, try again later"}}"#
    );
    let head = head.to_lowercase();
    let id = format!("x-request-id: ann-{number}");
    for line in [
        "retry-after: 1",
        "connection: close",
        "content-type: application/json",
        &id,
    ] {
        assert!(
            head.lines().any(|other| other == line),
            "{line} is missing: {head}"
        );
    }
    let done = answers
        .iter()
        .filter(|answer| answer.starts_with("HTTP/1.1 200 "))
        .count();
    // Connections are taken again.
    while TcpStream::connect(app.url.strip_prefix("http://").unwrap())
        .await
        .is_err()
    {}
    let cart = app.request(Method::GET, "/api/v1/cart").bearer_auth(&token);
    let cart: Value = cart.send().await.unwrap().json().await.unwrap();
    let quantity = cart["data"]["items"][0]["quantity"].as_u64().unwrap();
    assert_eq!(usize::try_from(quantity).unwrap(), done);
}

#[tokio::test]
async fn what_tells_how_the_node_is_is_never_refused() {
    let app = TestApp::with(&["--queue-timeout", PATIENCE]).await;
    for path in ["/health", "/ready"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n");
        let answers = answers(&app, &request).await;
        assert!(
            answers
                .iter()
                .all(|answer| answer.starts_with("HTTP/1.1 200 "))
        );
    }
}

#[tokio::test]
async fn connections_end_with_their_answers_while_there_are_too_many() {
    let app = TestApp::with(&["--queue-timeout", PATIENCE]).await;
    let mut streams = asked(&app, "GET /health HTTP/1.1\r\nHost: shop\r\n\r\n").await;
    let mut ending = Vec::new();
    // None is closed before the last has its answer: to see to that would be more to wait for.
    for stream in &mut streams {
        let mut answer = vec![0; 1_024];
        let length = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]).to_lowercase();
        assert!(answer.starts_with("http/1.1 200 "), "{answer}");
        ending.push(answer.contains("\r\nconnection: close\r\n"));
    }
    assert!(ending.contains(&true));
    // Nobody waits behind the last.
    assert_eq!(ending.last(), Some(&false));
}

#[tokio::test]
async fn who_waits_no_longer_than_is_permitted_is_answered() {
    let app = TestApp::with(&["--queue-timeout", "60m"]).await;
    let request = "GET /api/v1/catalog/brands HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n";
    let answers = answers(&app, request).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.starts_with("HTTP/1.1 200 "))
    );
}
