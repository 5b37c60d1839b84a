//! Servers to ask over HTTP, each with one thread of its own, on one core, so that the clients have
//! the other: the product, put together as it is in production, and bare warp routes.

use crate::Failure;
use crate::cores::Core;
use crate::wire::{Connection, request};
use cartwright::app::{Listeners, Server, Stores};
use cartwright::auth::password::{Cost, Hasher, Limits};
use cartwright::auth::secret::Secret;
use cartwright::config::{self, Command, Settings};
use cartwright::sources::Sources;
use cartwright::store::Store;
use futures::future::BoxFuture;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

/// What tokens are signed with.
pub(crate) const SECRET: &str = "a secret of the bench, which guards nothing";

/// A server on a thread of its own, until it is dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// The product over a store, which is opened on the server's own thread.
    pub(crate) async fn product(
        store: BoxFuture<'static, Result<Arc<dyn Store>, Failure>>,
    ) -> Result<Self, Failure> {
        Self::product_with(store, &[]).await
    }

    /// The product with more flags.
    pub(crate) async fn product_with(
        store: BoxFuture<'static, Result<Arc<dyn Store>, Failure>>,
        flags: &[&str],
    ) -> Result<Self, Failure> {
        Self::serve(settings(flags)?, "product", Some(Core::Server), store).await
    }

    /// One of several nodes over a store.
    pub(crate) async fn node(name: &'static str, store: Arc<dyn Store>) -> Result<Self, Failure> {
        let node = [
            // The store is given; this says that it is one for several nodes.
            ["--store", "scylla://nowhere/shop"],
            ["--jwt-secret", SECRET],
            ["--node-name", name],
            ["--cluster-listen", "127.0.0.1:0"],
            ["--cluster-secret", SECRET],
            ["--drain-delay", "1ms"],
        ];
        let store = async move { Ok(store) };
        // Where there are two, either would have to wait for the other while a core is idle.
        Self::serve(settings(node.as_flattened())?, name, None, Box::pin(store)).await
    }

    async fn serve(
        settings: Settings,
        name: &'static str,
        core: Option<Core>,
        store: BoxFuture<'static, Result<Arc<dyn Store>, Failure>>,
    ) -> Result<Self, Failure> {
        Self::start(name, core, move |runtime, stop| {
            let server = async { product(&settings, store.await?).await };
            let server = runtime.block_on(server)?;
            let address = server.address()?;
            let run = async move {
                // What it answers tells whether it served.
                let _ = server.run(async { drop(stop.await) }).await;
            };
            Ok((address, Box::pin(run)))
        })
        .await
    }

    /// Routes as warp serves them.
    pub(crate) async fn bare(routes: BoxedFilter<(Response,)>) -> Result<Self, Failure> {
        Self::start("bare", Some(Core::Server), move |runtime, stop| {
            let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            let _inside = runtime.enter();
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let served = warp::serve(routes).incoming(listener);
            let served = served.graceful(async { drop(stop.await) });
            Ok((address, Box::pin(served.run())))
        })
        .await
    }

    async fn start<F>(name: &'static str, core: Option<Core>, make: F) -> Result<Self, Failure>
    where
        F: FnOnce(&Runtime, oneshot::Receiver<()>) -> Result<(SocketAddr, Running), Failure>
            + Send
            + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let made = one_worker(name)
                .map_err(Failure::from)
                .and_then(|runtime| make(&runtime, stopped).map(|made| (runtime, made)));
            match made {
                Ok((runtime, (address, run))) => {
                    // Whoever asked may have gone.
                    let _ = tell.send(Ok(address));
                    // On the worker, as in production, not on this thread.
                    let _ = runtime.block_on(runtime.spawn(async move {
                        if let Some(core) = core {
                            core.keep();
                        }
                        run.await;
                    }));
                }
                Err(failure) => {
                    let _ = tell.send(Err(failure));
                }
            }
        });
        Ok(Self {
            address: told.await??,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// A runtime with one worker.
pub(crate) fn one_worker(name: &str) -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name(name)
        .enable_all()
        .build()
}

type Running = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A server that panicked has failed its row already.
            let _ = thread.join();
        }
    }
}

/// As in production, but that all clients have one address, and passwords cost nothing.
fn settings(more: &[&str]) -> Result<Settings, Failure> {
    let arguments = [
        "cartwright",
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--ops-listen",
        "off",
        "--rate-limit",
        "off",
        "--demo-catalog",
        "off",
    ];
    let arguments = arguments.iter().chain(more).map(Into::into);
    match config::parse(arguments, std::iter::empty()) {
        Ok(Command::Serve(arguments)) => Ok(arguments.settings()?),
        _ => Err("the bench starts the product wrongly".into()),
    }
}

async fn product(settings: &Settings, store: Arc<dyn Store>) -> Result<Server, Failure> {
    let sources = Sources::system();
    let hasher = Hasher::with_cost(Limits::default(), Cost::TRIVIAL, sources.entropy.clone())?;
    let secret = Secret::parse(SECRET)?;
    let stores = Stores {
        store,
        is_healthy: Arc::new(|| true),
    };
    let listeners = Listeners::bind(settings).await?;
    Ok(Server::start(settings, listeners, stores, &secret, hasher, sources).await?)
}

/// Routes of one filter.
pub(crate) fn routes(
    filter: impl Filter<Extract = (Response,), Error = warp::Rejection> + Clone + Send + Sync + 'static,
) -> BoxedFilter<(Response,)> {
    filter.boxed()
}

/// A customer who has just registered.
pub(crate) struct Customer {
    pub(crate) token: String,
    pub(crate) id: String,
}

/// Registers customers over HTTP.
pub(crate) async fn customers(address: SocketAddr, count: u64) -> Result<Vec<Customer>, Failure> {
    let mut connection = Connection::open(address).await?;
    let mut customers = Vec::new();
    for number in 0..count {
        let body = serde_json::json!({
            "email": format!("customer-{number}@example.com"),
            "password": "correct horse battery",
            "first_name": "Ann",
            "last_name": "Lee",
        });
        let register = request("POST", "/api/v1/auth/register", None, &body.to_string());
        let answer: Value = serde_json::from_slice(connection.exchange(&register).await?)?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        customers.push(Customer {
            token: text(&answer["data"]["access_token"]).ok_or("no token")?,
            id: text(&answer["data"]["user"]["id"]).ok_or("no user")?,
        });
    }
    Ok(customers)
}
