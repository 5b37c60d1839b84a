//! A whole node over a store in memory, on a port of its own, and a client for it.

use cartwright::actors::accounts::{Accounts, Means, Registration};
use cartwright::actors::{Bounds, Options, System};
use cartwright::auth::access::AccessTokens;
use cartwright::auth::password::{Cost, Hasher, Limits};
use cartwright::auth::refresh::RefreshTokens;
use cartwright::auth::secret::Secret;
use cartwright::catalog::Live;
use cartwright::domain::access::RoleBook;
use cartwright::domain::account::Email;
use cartwright::http::server::{ConnectionLimits, Drained, serve};
use cartwright::http::{Api, Cors, Parts, Readiness, RequestLimits};
use cartwright::import::demo;
use cartwright::sources::Sources;
use cartwright::store::Store;
use cartwright::store::memory::MemoryStore;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub const PASSWORD: &str = "SecurePassword123!";
pub const ADMIN: &str = "admin@example.com";

/// A node that serves the demo catalogue.
pub struct TestApp {
    pub url: String,
    _system: System,
    client: Client,
    users: AtomicU32,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Drained>,
}

/// What a test may choose.
pub struct Settings {
    pub in_flight: usize,
    pub body_timeout: Duration,
    pub cors: Cors,
    pub readiness: Arc<dyn Fn() -> Readiness + Send + Sync>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            in_flight: 1_000,
            body_timeout: Duration::from_secs(10),
            cors: Cors::default(),
            readiness: Arc::new(|| Readiness::Ready),
        }
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        Self {
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub fn data(&self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        self.json()["data"].clone()
    }

    /// The status and the code of a refusal, whose body must be an envelope.
    pub fn refusal(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/json");
        let body = self.json();
        let error = body["error"].as_object().unwrap();
        assert_eq!((body.as_object().unwrap().len(), error.len()), (1, 2));
        assert!(!error["message"].as_str().unwrap().is_empty());
        let code = error["code"].as_str().unwrap();
        (self.status.as_u16(), code.to_owned())
    }

    pub fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }
}

/// A user with an access token.
pub struct User<'a> {
    pub app: &'a TestApp,
    pub email: String,
    pub id: String,
    pub access_token: String,
    pub refresh_token: String,
}

impl TestApp {
    pub async fn spawn() -> Self {
        Self::with(Settings::default()).await
    }

    pub async fn with(settings: Settings) -> Self {
        let sources = Sources::system();
        let memory = MemoryStore::new(sources.clock.clone());
        demo::load(&memory, &sources).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(memory);
        let (system, parts) = parts(store, sources, settings).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let limits = ConnectionLimits {
            connections: 1_000,
            header_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(10),
        };
        let serving = tokio::spawn(serve(listener, Api::new(parts), limits, async {
            let _ = stopped.await;
        }));
        Self {
            url,
            _system: system,
            client: Client::new(),
            users: AtomicU32::new(0),
            stop,
            serving,
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    /// A freshly registered user.
    pub async fn user(&self) -> User<'_> {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        let body = registration(&format!("user-{number}@example.com"));
        self.session(self.post("/api/v1/auth/register", &body).await)
    }

    /// The first administrator.
    pub async fn admin(&self) -> User<'_> {
        self.session(self.login(ADMIN, PASSWORD).await)
    }

    pub async fn login(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.post("/api/v1/auth/login", &body).await
    }

    fn session(&self, answer: Answer) -> User<'_> {
        let data = answer.data();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        User {
            app: self,
            email: text(&data["user"]["email"]),
            id: text(&data["user"]["id"]),
            access_token: text(&data["access_token"]),
            refresh_token: text(&data["refresh_token"]),
        }
    }

    /// Stops serving, and tells how that went.
    pub async fn drain(self) -> Drained {
        self.stop.send(()).unwrap();
        drop(self.client);
        self.serving.await.unwrap()
    }
}

impl User<'_> {
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.app
            .request(method, path)
            .bearer_auth(&self.access_token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(method, path).json(body)).await
    }

    pub async fn add(&self, product: &str, quantity: i64) -> Answer {
        let body = json!({"product_id": product, "quantity": quantity});
        self.send(Method::POST, "/api/v1/cart/items", &body).await
    }
}

pub fn registration(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD, "first_name": "John", "last_name": "Doe"})
}

async fn parts(store: Arc<dyn Store>, sources: Sources, settings: Settings) -> (System, Parts) {
    let catalog = Arc::new(Live::load(&*store).await.unwrap());
    let bounds = Bounds {
        waiting: 1_000,
        residents: 1_000,
    };
    let options = Options {
        store: Arc::clone(&store),
        sources: sources.clone(),
        catalog: Arc::clone(&catalog),
        users: bounds,
        stocks: bounds,
        commit_time: Duration::from_secs(5),
        recovery_pause: Duration::from_secs(60),
    };
    let system = System::start(options).await.unwrap();
    let secret = Secret::parse("k3Jf9-Qm2xVb7TzLw0RsYpHd5NcGuE8a").unwrap();
    let limits = Limits {
        workers: 2,
        queue: 100,
    };
    let means = Means {
        store,
        sources: sources.clone(),
        users: system.users(),
        hasher: Hasher::with_cost(limits, Cost::TRIVIAL, sources.entropy.clone()).unwrap(),
        access: AccessTokens::new(&secret, sources.clone()),
        refresh: RefreshTokens::new(&secret, sources.entropy.clone()),
        roles: RoleBook::built_in(),
    };
    let accounts = Accounts::new(means);
    let admin = Registration {
        email: Email::parse(ADMIN).unwrap(),
        password: PASSWORD.to_owned(),
        first_name: "Ada".to_owned(),
        last_name: "Min".to_owned(),
    };
    let soon = Instant::now() + Duration::from_secs(10);
    assert!(accounts.ensure_administrator(admin, soon).await.unwrap());
    let parts = Parts {
        users: system.users(),
        accounts,
        orders: system.orders(),
        catalog,
        tokens: Arc::new(AccessTokens::new(&secret, sources.clone())),
        readiness: settings.readiness,
        sources,
        cors: settings.cors,
        limits: RequestLimits {
            in_flight: settings.in_flight,
            body_timeout: settings.body_timeout,
            request_timeout: Duration::from_secs(10),
        },
    };
    (system, parts)
}
