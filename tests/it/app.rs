//! A whole server on a free port, over a store in memory or a real one, and a client for it.

use crate::cql::{self, Keyspace};
use crate::faulty::patient::Request;
use crate::faulty::{self, Switch};
use crate::world::SeededEntropy;
use cartwright::app::{Listeners, Server, Stores};
use cartwright::auth::password::{Cost, Hasher, Limits};
use cartwright::auth::secret::Secret;
use cartwright::config::{self, Command, Settings};
use cartwright::sources::{Clock, Sources, SystemClock};
use cartwright::store::Store;
use cartwright::store::memory::MemoryStore;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running server. Dropping it stops it.
pub struct TestApp {
    /// `http://127.0.0.1:port`
    pub url: String,
    /// The same of the second listener.
    pub ops_url: Option<String>,
    pub client: Client,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
    store: Option<TestStore>,
}

/// A store of a test's own: in memory, or with `CARTWRIGHT_TEST_STORE=cql` in a keyspace. With
/// `CARTWRIGHT_TEST_FAULTS` it fails servers, while they serve, and nobody else.
#[derive(Clone)]
pub struct TestStore {
    store: Arc<dyn Store>,
    /// What servers have.
    served: Arc<dyn Store>,
    faults: Option<Switch>,
    _keyspace: Option<Arc<Keyspace>>,
}

impl TestStore {
    /// An empty one.
    pub async fn empty() -> Self {
        let clock = Arc::new(SystemClock);
        if std::env::var("CARTWRIGHT_TEST_STORE").is_ok_and(|store| store == "cql") {
            let server = cql::server().expect("a server for the keyspaces");
            let keyspace = Keyspace::lend(&server).await;
            let store = keyspace.store(clock).await;
            return Self {
                _keyspace: Some(Arc::new(keyspace)),
                ..Self::around(store)
            };
        }
        Self::around(MemoryStore::new(clock))
    }

    fn around(store: impl Store + 'static) -> Self {
        let (store, served, faults) = match faulty::seed() {
            Some(seed) => {
                let (store, served, switch) = faulty::stores(store, seed);
                (store, served, Some(switch))
            }
            None => {
                let store: Arc<dyn Store> = Arc::new(store);
                (store.clone(), store, None)
            }
        };
        Self {
            store,
            served,
            faults,
            _keyspace: None,
        }
    }

    /// The store, without faults.
    pub fn shared(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// Whether servers meet faults in it.
    pub fn is_faulty(&self) -> bool {
        self.faults.is_some()
    }

    /// Has the faults, if there are any, begin or end.
    pub fn set_faults(&self, faults: bool) {
        if let Some(switch) = &self.faults {
            switch.set(faults);
        }
    }
}

/// What the tests sign with.
pub const SECRET: &str = "Tz9cE1rV7nQ2wXy4uB6mK8pL0sD3fG5h";

/// The settings that these flags of `serve` give, on a free port.
pub fn settings(flags: &[&str]) -> Settings {
    let fixed = ["cartwright", "serve", "--listen", "127.0.0.1:0"];
    let no_ops: &[&str] = match flags.contains(&"--ops-listen") {
        true => &[],
        false => &["--ops-listen", "off"],
    };
    // All tests ask from one address.
    let unlimited: &[&str] = match flags.contains(&"--rate-limit") {
        true => &[],
        false => &["--rate-limit", "off"],
    };
    // A machine that is busy with other tests is behind with these.
    let patient: &[&str] = match flags.contains(&"--queue-timeout") {
        true => &[],
        false => &["--queue-timeout", "60m"],
    };
    let given = [no_ops, unlimited, patient, flags];
    let arguments = fixed.iter().chain(given.into_iter().flatten());
    let arguments = arguments.map(Into::into);
    match config::parse(arguments, std::iter::empty()).unwrap() {
        Command::Serve(arguments) => arguments.settings().unwrap(),
        _ => unreachable!("the command is serve"),
    }
}

impl TestApp {
    /// With the demo catalogue.
    pub async fn spawn() -> Self {
        Self::with(&[]).await
    }

    /// With these flags of `serve`.
    pub async fn with(flags: &[&str]) -> Self {
        Self::on(&TestStore::empty().await, flags).await
    }

    /// With these flags of `serve`, over a test's own store.
    pub async fn on(store: &TestStore, flags: &[&str]) -> Self {
        Self::of(store, settings(flags), || true).await
    }

    /// With these settings, over a test's own store, which is said to be well or not.
    pub async fn of(
        store: &TestStore,
        settings: Settings,
        is_healthy: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        let stores = Stores {
            store: store.served.clone(),
            is_healthy: Arc::new(is_healthy),
        };
        store.set_faults(false);
        let mut app = Self::start(settings, stores).await;
        store.set_faults(true);
        // It lives as long as the server.
        app.store = Some(store.clone());
        app
    }

    /// With these flags of `serve`, over a store.
    pub async fn over(store: Arc<dyn Store>, flags: &[&str]) -> Self {
        let stores = Stores {
            store,
            is_healthy: Arc::new(|| true),
        };
        Self::start(settings(flags), stores).await
    }

    /// With these settings, over a store that says whether it is well.
    pub async fn start(settings: Settings, stores: Stores) -> Self {
        Self::start_at(settings, stores, Arc::new(SystemClock)).await
    }

    /// As [`Self::start`], by this clock.
    pub async fn start_at(settings: Settings, stores: Stores, clock: Arc<dyn Clock>) -> Self {
        let entropy = Arc::new(SeededEntropy::new(rand_seed()));
        let sources = Sources {
            clock,
            entropy: entropy.clone(),
        };
        let hasher = Hasher::with_cost(Limits::default(), Cost::TRIVIAL, entropy).unwrap();
        let secret = Secret::parse(SECRET).unwrap();
        let listeners = Listeners::bind(&settings).await.unwrap();
        let server = Server::start(&settings, listeners, stores, &secret, hasher, sources);
        let server = server.await.unwrap();
        let url = format!("http://{}", server.address().unwrap());
        let ops_url = server.operations_address().map(|at| format!("http://{at}"));
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(async move {
            server.run(async { drop(stopped.await) }).await.unwrap();
        });
        Self {
            url,
            ops_url,
            client: Client::new(),
            stop: Some(stop),
            running: Some(running),
            store: None,
        }
    }

    /// Stops it as a signal would, and waits for the end.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        self.running.take().unwrap().await.unwrap();
    }

    /// How many faults there were in its store, of those that a seed draws.
    pub fn faults(&self) -> u64 {
        let store = self.store.as_ref();
        let faults = store.and_then(|store| store.faults.as_ref());
        faults.map_or(0, Switch::faults)
    }

    /// A request to a path below `/api/v1`, or to an absolute path.
    pub fn request(&self, method: Method, path: &str) -> Request {
        self.client
            .request(method, format!("{}{path}", self.url))
            .into()
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> Response {
        let request = self.request(Method::GET, path);
        with_token(request, token).send().await.unwrap()
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Response {
        let request = self.request(method, path).json(body);
        with_token(request, token).send().await.unwrap()
    }

    /// Registers somebody new and returns the `data` of the answer.
    pub async fn register(&self, email: &str) -> Value {
        let body = json!({
            "email": email, "password": "correct horse", "first_name": "Ann", "last_name": "Lee",
        });
        let path = "/api/v1/auth/register";
        let answer = self.send(Method::POST, path, None, &body).await;
        assert_eq!(answer.status(), 201);
        answer.json::<Value>().await.unwrap()["data"].take()
    }

    /// The access token of somebody new.
    pub async fn token(&self, email: &str) -> String {
        self.register(email).await["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

pub fn with_token(request: Request, token: Option<&str>) -> Request {
    match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

/// An order's body to New York.
pub fn order_body() -> Value {
    json!({
        "shipping_address": {
            "first_name": "John", "last_name": "Doe", "address1": "123 Main St",
            "city": "New York", "state": "NY", "postal_code": "10001", "country": "US",
        },
        "payment_method_id": "pm_123",
    })
}

/// The body with these fields besides, or instead.
pub fn changed(mut body: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// Servers of one test process must not make the same ids.
fn rand_seed() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
