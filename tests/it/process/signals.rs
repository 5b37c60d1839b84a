//! How a server ends: what was begun is answered, nothing more is taken, and a second signal does
//! not wait for either.

use super::api::Api;
use super::binary::{Server, Shop};
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

/// A request that has arrived but for the last byte of its body.
struct Slow {
    connection: TcpStream,
    last: &'static str,
}

impl Slow {
    fn begin(server: &Server, token: &str) -> Self {
        let body = r#"{"product_id":"prod-1","quantity":1}"#;
        let (most, last) = body.split_at(body.len() - 1);
        let head = format!(
            "POST /api/v1/cart/items HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
            server.address(),
            body.len()
        );
        let mut connection = TcpStream::connect(server.address()).unwrap();
        connection.write_all(head.as_bytes()).unwrap();
        // The server asks for the body once the request is under way.
        let mut go_on = [0; 25];
        connection.read_exact(&mut go_on).unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
        connection.write_all(most.as_bytes()).unwrap();
        Self { connection, last }
    }

    fn end(mut self) -> String {
        self.connection.write_all(self.last.as_bytes()).unwrap();
        let mut answer = String::new();
        self.connection.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// Returns once nobody listens there any more.
fn wait_until_refused(server: &Server) {
    loop {
        match TcpStream::connect(server.address()) {
            // Not told yet, or in the system's queue while it was told.
            Ok(_) => std::thread::yield_now(),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => break assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
        }
    }
}

#[tokio::test]
async fn what_was_begun_before_a_signal_is_answered() {
    for name in ["TERM", "INT"] {
        let shop = Shop::new();
        let mut server = shop.start(&[]);
        let token = Api::of(&server.url).token("ann@example.com").await;
        let slow = Slow::begin(&server, &token);
        server.signal(name);
        wait_until_refused(&server);
        let answer = slow.end();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        let (status, rest) = server.wait();
        assert_eq!(
            (status.code(), rest.as_str()),
            (Some(0), ""),
            "{}",
            server.log()
        );
        // And what was answered is durable.
        let server = shop.start(&[]);
        let cart = Api::of(&server.url).get("/cart", Some(&token)).await;
        assert_eq!(cart.body["data"]["items"][0]["product_id"], "prod-1");
        server.stop();
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    for (first, second) in [("TERM", "TERM"), ("INT", "TERM"), ("TERM", "INT")] {
        let shop = Shop::new();
        let mut server = shop.start(&[]);
        let token = Api::of(&server.url).token("ann@example.com").await;
        let slow = Slow::begin(&server, &token);
        server.signal(first);
        wait_until_refused(&server);
        server.signal(second);
        let (status, _) = server.wait();
        assert_eq!(status.code(), Some(1), "{}", server.log());
        assert!(server.log().contains("ended at once by a second signal"));
        drop(slow);
    }
}

#[tokio::test]
async fn everything_is_there_after_a_clean_restart() {
    let shop = Shop::new();
    let server = shop.start(&[]);
    let api = Api::of(&server.url);
    let access = api.token("ann@example.com").await;
    let token = Some(access.as_str());
    let item = json!({"product_id": "prod-1", "quantity": 2});
    assert_eq!(
        api.post("/cart/items", token, item.clone()).await.status,
        200
    );
    assert_eq!(api.order(&access).await.status, 201);
    assert_eq!(api.post("/cart/items", token, item).await.status, 200);
    let everything = async |api: Api| {
        let mut all = Vec::new();
        for path in [
            "/auth/profile",
            "/cart",
            "/orders",
            "/catalog/products?page_size=100",
        ] {
            let answer = api.get(path, token).await;
            assert_eq!(answer.status, 200, "{path}");
            all.push(answer.body);
        }
        all
    };
    let before = everything(api).await;
    server.stop();
    let server = shop.start(&[]);
    assert_eq!(everything(Api::of(&server.url)).await, before);
    server.stop();
}
