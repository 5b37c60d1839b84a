//! A client that does what the manual tells clients to do: it sends every change of a cart, and
//! every order, with a key, and repeats what is answered with 503.
//!
//! Only where there are faults: elsewhere a 503 is what the test sees.

use super::seed;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;
use warp::http;

const KEY: &str = "idempotency-key";
const REPLAYED: &str = "idempotent-replayed";
/// So often a request is sent: of 5 % in vain, that many in a row are no coincidence.
const TRIES: usize = 50;
/// Between them: shorter than `Retry-After` says, as tests are in a hurry.
const PAUSE: Duration = Duration::from_millis(5);

/// A request, to be sent until it is answered.
pub struct Request(RequestBuilder);

impl From<RequestBuilder> for Request {
    fn from(builder: RequestBuilder) -> Self {
        Self(builder)
    }
}

impl Request {
    pub fn header<N, V>(self, name: N, value: V) -> Self
    where
        HeaderName: TryFrom<N, Error: Into<http::Error>>,
        HeaderValue: TryFrom<V, Error: Into<http::Error>>,
    {
        Self(self.0.header(name, value))
    }

    pub fn bearer_auth(self, token: &str) -> Self {
        Self(self.0.bearer_auth(token))
    }

    pub fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        Self(self.0.json(body))
    }

    pub fn body(self, body: impl Into<reqwest::Body>) -> Self {
        Self(self.0.body(body))
    }

    pub async fn send(self) -> reqwest::Result<Response> {
        if seed().is_none() {
            return self.0.send().await;
        }
        let (client, request) = self.0.build_split();
        send(&client, request?).await
    }
}

/// What was told to have been done: keys that took effect, addresses that were registered. Each with
/// the server that told it.
static DONE: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

async fn send(client: &Client, mut request: reqwest::Request) -> reqwest::Result<Response> {
    give_key(&mut request);
    let Some(first) = request.try_clone() else {
        return client.execute(request).await;
    };
    let deed = deed(&request);
    let mut response = client.execute(first).await?;
    for _ in 1..TRIES {
        if response.status() != 503 || request.url().path() == "/ready" {
            return Ok(learn(deed, response));
        }
        assert!(response.headers().contains_key("retry-after"));
        tokio::time::sleep(PAUSE).await;
        let again = request.try_clone().unwrap();
        response = own(client, &request, &deed, client.execute(again).await?).await?;
    }
    panic!("{request:?} was put off {TRIES} times");
}

/// Where a key is honoured there is one.
fn give_key(request: &mut reqwest::Request) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let path = request.url().path();
    let takes_one = path.starts_with("/api/v1/cart") || path == "/api/v1/orders";
    let is_change = request.method() != Method::GET && request.method() != Method::HEAD;
    if takes_one && is_change && !request.headers().contains_key(KEY) {
        let key = format!("patient-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let key = HeaderValue::try_from(key).unwrap();
        request.headers_mut().insert(KEY, key);
    }
}

/// What is done once, and how it is known again.
fn deed(request: &reqwest::Request) -> Option<String> {
    let of = |headers: &HeaderMap, name| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let name = if is_registration(request) {
        let email = body(request)?["email"].as_str()?.trim().to_lowercase();
        format!("register {email}")
    } else {
        let headers = request.headers();
        let (key, token) = (of(headers, KEY)?, of(headers, AUTHORIZATION.as_str())?);
        format!("{key} of {token}")
    };
    Some(format!("{:?} {name}", request.url().port()))
}

fn is_registration(request: &reqwest::Request) -> bool {
    request.url().path() == "/api/v1/auth/register"
}

fn body(request: &reqwest::Request) -> Option<Value> {
    serde_json::from_slice(request.body()?.as_bytes()?).ok()
}

fn learn(deed: Option<String>, response: Response) -> Response {
    if response.status().is_success() {
        DONE.lock().unwrap().extend(deed);
    }
    response
}

/// The answer to a repetition, as the answer to what it repeats: if that took effect after all, it
/// did so for this request, and for no earlier one.
async fn own(
    client: &Client,
    request: &reqwest::Request,
    deed: &Option<String>,
    mut response: Response,
) -> reqwest::Result<Response> {
    let is_new = deed
        .as_ref()
        .is_some_and(|deed| !DONE.lock().unwrap().contains(deed));
    if !is_new {
        return Ok(response);
    }
    response.headers_mut().remove(REPLAYED);
    if is_registration(request) && response.status() == StatusCode::CONFLICT {
        // Registered, and not told so: what is missing is a session.
        let mut login = request.try_clone().unwrap();
        login.url_mut().set_path("/api/v1/auth/login");
        let session = Box::pin(send(client, login)).await?;
        return match session.status() {
            StatusCode::OK => {
                let mut created = http::Response::new(session.bytes().await?);
                *created.status_mut() = StatusCode::CREATED;
                Ok(created.into())
            }
            _ => Ok(response),
        };
    }
    Ok(response)
}
