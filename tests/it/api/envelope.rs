//! What every answer keeps, whatever was asked: envelopes, ids, methods, media types, limits.

use super::client::{Answer, Shop};
use cartwright::http::MAX_BODY;
use cartwright::http::endpoints::{Access, ENDPOINTS};
use reqwest::Method;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

#[tokio::test]
async fn health_and_readiness_are_told_apart() {
    let ready = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&ready);
    let shop = Shop::with(|_| {}, move || asked.load(Ordering::Relaxed)).await;
    let health = shop.get("/health").await;
    assert_eq!(
        (health.status.as_u16(), health.text.as_str()),
        (200, r#"{"status":"ok"}"#)
    );
    assert_eq!(shop.get("/ready").await.text, r#"{"status":"ready"}"#);
    ready.store(false, Ordering::Relaxed);
    let not_ready = shop.get("/ready").await;
    assert_eq!(not_ready.refusal(), (503, "not_ready".to_owned()));
    assert_eq!(not_ready.header("retry-after"), "1");
    assert_eq!(shop.get("/health").await.status, 200);
}

#[tokio::test]
async fn a_panic_is_the_failure_of_one_request() {
    let shop = Shop::with(|_| {}, || panic!("a fault of ours")).await;
    let failed = shop
        .request(Method::GET, "/ready")
        .header("x-request-id", "abc-1");
    let failed = Answer::of(failed).await;
    assert_eq!(failed.refusal(), (500, "internal_error".to_owned()));
    assert_eq!(failed.message(), "an internal error");
    assert_eq!(failed.header("x-request-id"), "abc-1");
    assert_eq!(shop.get("/health").await.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_holds_no_place() {
    let shop = Shop::with(
        |settings| {
            settings.limits.max_in_flight = 1;
            settings.timeouts.body = Duration::from_millis(500);
        },
        || true,
    )
    .await;
    let mut slow = TcpStream::connect(shop.app.url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(shop.get("/api/v1/catalog/brands").await.status, 200);
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(
        answer.contains(r#"{"error":{"code":"request_timeout","#),
        "{answer}"
    );
}

#[tokio::test]
async fn a_body_in_chunks_is_a_body() {
    let shop = Shop::open().await;
    let mut stream = TcpStream::connect(shop.app.url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let request = "POST /api/v1/auth/refresh HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
        transfer-encoding: chunked\r\n\r\n12\r\n{\"refresh_token\": \r\n4\r\n\"x\"}\r\n0\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 401 ") && answer.contains("invalid_refresh_token"),
        "{answer}"
    );
}

#[tokio::test]
async fn every_endpoint_has_a_route_and_asks_for_a_token_where_it_should() {
    let shop = Shop::open().await;
    for endpoint in ENDPOINTS.iter().filter(|one| !one.for_operators) {
        let path = endpoint.path.replace(":id", "none");
        let method = Method::from_bytes(endpoint.method.as_str().as_bytes()).unwrap();
        for token in [None, Some("x.y.z"), Some("")] {
            let mut request = shop.request(method.clone(), &path);
            if let Some(token) = token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let answer = Answer::of(request).await;
            let told = format!("{} {path}: {answer:?}", endpoint.method);
            assert_ne!(answer.status, 500, "{told}");
            assert_ne!(answer.status, 405, "{told}");
            if endpoint.access == Access::Public {
                assert_ne!(answer.status, 401, "{told}");
                assert!(!answer.text.contains("\"not_found\""), "{told}");
            } else {
                assert_eq!(
                    answer.refusal(),
                    (401, "unauthenticated".to_owned()),
                    "{told}"
                );
                assert_eq!(answer.header("www-authenticate"), "Bearer");
            }
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_told_apart() {
    let shop = Shop::open().await;
    for path in [
        "/",
        "/nope",
        "/health/",
        "/api/v1/cart/",
        "/api/v1/catalog/brands/",
        "/%FF",
    ] {
        assert_eq!(
            shop.get(path).await.refusal(),
            (404, "not_found".to_owned()),
            "{path}"
        );
    }
    let wrong = Answer::of(shop.request(Method::PUT, "/api/v1/cart")).await;
    assert_eq!(wrong.refusal(), (405, "method_not_allowed".to_owned()));
    assert_eq!(wrong.header("allow"), "GET, HEAD, DELETE");
}

#[tokio::test]
async fn head_is_answered_like_get_without_the_body() {
    let shop = Shop::open().await;
    let path = "/api/v1/catalog/products/prod-1";
    let get = shop.get(path).await;
    let head = Answer::of(shop.request(Method::HEAD, path)).await;
    assert_eq!((head.status, head.text.as_str()), (get.status, ""));
    for name in ["etag", "content-type", "content-length", "cache-control"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
}

#[tokio::test]
async fn a_request_id_is_taken_or_made_and_always_returned() {
    let shop = Shop::open().await;
    for path in ["/health", "/nope", "/api/v1/cart"] {
        let given = shop
            .request(Method::GET, path)
            .header("x-request-id", "abc-1");
        assert_eq!(Answer::of(given).await.header("x-request-id"), "abc-1");
        let unfit = shop
            .request(Method::GET, path)
            .header("x-request-id", "a b");
        let made = Answer::of(unfit).await;
        assert!(Uuid::parse_str(made.header("x-request-id")).is_ok());
        let other = shop.get(path).await;
        assert_ne!(other.header("x-request-id"), made.header("x-request-id"));
    }
}

#[tokio::test]
async fn bodies_are_json_and_bounded() {
    let shop = Shop::open().await;
    let login = || shop.request(Method::POST, "/api/v1/auth/login");
    let body = json!({"email": "a@b.example", "password": "x"}).to_string();
    let plain = login()
        .header("content-type", "text/plain")
        .body(body.clone());
    let refused = (415, "unsupported_media_type".to_owned());
    assert_eq!(Answer::of(plain).await.refusal(), refused);
    for media_type in ["application/json", "application/json; charset=utf-8"] {
        let json = login()
            .header("content-type", media_type)
            .body(body.clone());
        assert_eq!(Answer::of(json).await.status, 401);
    }
    assert_eq!(Answer::of(login().body(body)).await.status, 401);
    let large = Answer::of(login().body("x".repeat(MAX_BODY + 1))).await;
    assert_eq!(large.refusal(), (413, "body_too_large".to_owned()));
    assert_eq!(
        Answer::of(login().body("x".repeat(MAX_BODY))).await.status,
        400
    );
    let huge = Answer::of(login().body("x".repeat(MAX_BODY * 10))).await;
    assert_eq!(huge.status, 413);
    assert_eq!(
        Answer::of(login()).await.message(),
        "a JSON body is required"
    );
}

#[tokio::test]
async fn a_full_node_refuses_but_stays_healthy() {
    let shop = Shop::with(|settings| settings.limits.max_in_flight = 0, || true).await;
    let refused = shop.get("/api/v1/catalog/products").await;
    assert_eq!(refused.refusal(), (503, "overloaded".to_owned()));
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(shop.get("/health").await.status, 200);
    assert_eq!(shop.get("/ready").await.status, 200);
}

#[tokio::test]
async fn only_named_origins_may_call() {
    let origin = "https://shop.example";
    let shop = Shop::with(
        |settings| settings.cors_origins = vec![origin.to_owned()],
        || true,
    )
    .await;
    let preflight = |origin: &str| {
        shop.request(Method::OPTIONS, "/api/v1/cart/items/x")
            .header("origin", origin)
            .header("access-control-request-method", "PATCH")
    };
    let allowed = Answer::of(preflight(origin)).await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), origin);
    assert_eq!(
        allowed.header("access-control-allow-methods"),
        "PATCH, DELETE"
    );
    let other = Answer::of(preflight("https://evil.example")).await;
    assert_eq!(other.refusal().0, 405);
    assert_eq!(other.header("access-control-allow-origin"), "");
    let get = shop.request(Method::GET, "/nope").header("origin", origin);
    let get = Answer::of(get).await;
    assert_eq!(get.header("access-control-allow-origin"), origin);
    assert_eq!(get.header("vary"), "Origin");
}

#[tokio::test]
async fn the_second_listener_tells_how_the_node_is_and_nothing_else() {
    let free = "127.0.0.1:0".parse().unwrap();
    let shop = Shop::with(|settings| settings.ops_listen = Some(free), || true).await;
    let url = shop.app.ops_url.as_ref().unwrap();
    let ask = |path: &str| Answer::of(shop.app.client.get(format!("{url}{path}")));
    assert_eq!(ask("/ready").await.status, 200);
    assert_eq!(ask("/health").await.text, r#"{"status":"ok"}"#);
    for path in ["/api/v1/catalog/brands", "/api/v1/cart", "/nope"] {
        let refusal = ask(path).await.refusal();
        assert_eq!(refusal, (404, "not_found".to_owned()), "{path}");
    }
}
