//! A server: put together, bound to its addresses, run until it is told to stop.

use super::nodes::{Joined, Node};
use crate::actors::accounts::{AccountFailure, Accounts, Means, Registration};
use crate::actors::{Bounds, NotStarted, Options, System};
use crate::auth::access::AccessTokens;
use crate::auth::oidc::{OpenId, Registered, Unusable};
use crate::auth::password::{self, Hasher, check_password};
use crate::auth::refresh::RefreshTokens;
use crate::auth::secret::{Secret, WeakSecret};
use crate::catalog::{Live, LoadError};
use crate::cluster::{Cluster, JoinError, grpc};
use crate::config::{FirstAdmin, OpenIdSettings, Settings, StoreSettings};
use crate::domain::account::Email;
use crate::http::limiter::{Limiter, SWEEP_PAUSE};
use crate::http::server::{ConnectionLimits, Drained};
use crate::http::{Api, Cors, Parts, Readiness, RequestLimits, lobby, server};
use crate::import::{ImportError, demo};
use crate::metrics::Metrics;
use crate::sources::Sources;
use crate::store::Store;
use crate::store::metered::MeteredStore;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;

/// How many requests may wait for one stock item: a flash sale's, bounded by those in flight.
const STOCK_QUEUE: usize = 16_384;
/// The pause between two looks for attempts at orders that nobody ends.
const RECOVERY_PAUSE: Duration = Duration::from_secs(10);
/// The pause between two looks for changes of the catalogue.
const FOLLOW_PAUSE: Duration = Duration::from_secs(2);
/// How long the actors may take to finish once the last answer was given.
const QUIESCE_TIME: Duration = Duration::from_secs(4);
/// How long making the first administrator may take.
const ADMIN_TIME: Duration = Duration::from_secs(30);

/// A store, and how to tell whether it answers.
#[derive(Clone)]
pub struct Stores {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Whether it answers now.
    pub is_healthy: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// Why a server did not start; one line each.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says it in its text")]
pub enum StartError {
    #[error("CARTWRIGHT_JWT_SECRET: {0}")]
    WeakSecret(#[from] WeakSecret),
    #[error("cannot listen on {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("CARTWRIGHT_ADMIN_EMAIL must be an e-mail address")]
    AdminEmail,
    #[error("CARTWRIGHT_ADMIN_PASSWORD: {0}")]
    AdminPassword(#[from] password::InvalidPassword),
    #[error(transparent)]
    OpenId(#[from] Unusable),
    #[error("the first administrator could not be made: {0}")]
    Admin(AccountFailure),
    #[error("the demo catalogue could not be loaded: {0}")]
    Demo(#[from] ImportError),
    #[error("the catalogue could not be loaded: {0}")]
    Catalog(#[from] LoadError),
    #[error("CARTWRIGHT_CORS_ORIGINS: {0}")]
    Cors(String),
    #[error(transparent)]
    Actors(#[from] NotStarted),
    #[error("CARTWRIGHT_CLUSTER_SECRET: {0}")]
    WeakClusterSecret(WeakSecret),
    #[error("cannot read {}: {source}", path.display())]
    ClusterFile {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    ClusterTls(#[from] grpc::InvalidTls),
    #[error(transparent)]
    Join(JoinError),
}

/// The addresses of a server, bound.
pub struct Listeners {
    public: TcpListener,
    operations: Option<TcpListener>,
    nodes: Option<TcpListener>,
}

impl Listeners {
    /// Binds the addresses of the settings.
    ///
    /// # Errors
    /// [`StartError::Listen`].
    pub async fn bind(settings: &Settings) -> Result<Self, StartError> {
        Ok(Self {
            public: bind(settings.listen)?,
            operations: match settings.ops_listen {
                Some(address) => Some(bind(address)?),
                None => None,
            },
            nodes: match &settings.cluster.reached {
                Some(reached) => Some(bind(reached.listen)?),
                None => None,
            },
        })
    }

    /// Answers that the server is not ready, while `waiting`.
    pub async fn hold<T>(&self, settings: &Settings, waiting: impl Future<Output = T>) -> T {
        let listeners = std::iter::once(&self.public).chain(&self.operations);
        lobby::hold(listeners, &connection_limits(settings), waiting).await
    }
}

/// A server that is bound and ready to run.
pub struct Server {
    listeners: Listeners,
    api: Api,
    system: System,
    joined: Option<Joined>,
    connections: ConnectionLimits,
    is_draining: Arc<AtomicBool>,
    metrics: Metrics,
}

impl Server {
    /// Puts a server together: over a store that this process has for itself, or over a keyspace,
    /// whose other nodes it joins.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        settings: &Settings,
        mut listeners: Listeners,
        stores: Stores,
        secret: &Secret,
        hasher: Hasher,
        sources: Sources,
    ) -> Result<Self, StartError> {
        // Judged before anything is begun.
        let admin = settings.admin.as_ref().map(registration).transpose()?;
        let openid = settings.openid.as_ref();
        let openid = openid
            .map(|settings| client(settings, &sources))
            .transpose()?;
        let metrics = Metrics::default();
        let store: Arc<dyn Store> = Arc::new(MeteredStore::new(stores.store.clone(), &metrics));
        if settings.demo_catalog {
            demo::load_into_empty(&*store, &sources).await?;
        }
        let catalog = Arc::new(Live::load(&*store).await?);
        let (cluster, node) = match settings.store {
            StoreSettings::Embedded(_) => (Cluster::alone(), None),
            StoreSettings::Scylla(_) => {
                let listener = listeners.nodes.take();
                let node = Node::new(&settings.cluster, listener, store.clone(), &sources);
                node.map(|(cluster, node)| (cluster, Some(node)))?
            }
        };
        metrics.register_process();
        catalog.report_to(&metrics);
        cluster.report_to(&metrics);
        hasher.report_to(&metrics);
        let options = system_options(settings, &store, &sources, &catalog, &cluster, &metrics);
        let system = System::start(options).await?;
        follow(&catalog, &store, &system);
        let joined = match node {
            Some(node) => Some(listeners.hold(settings, node.join(&system)).await?),
            None => None,
        };
        let tokens = Arc::new(AccessTokens::new(secret, sources.clone()));
        let administration = system.administration();
        let accounts = Accounts::new(Means {
            store,
            sources: sources.clone(),
            users: system.users(),
            hasher,
            access: tokens.clone(),
            refresh: RefreshTokens::new(secret, sources.entropy.clone()),
            administration: administration.clone(),
            openid,
        });
        make_first_admin(admin, &accounts).await?;
        let is_draining = Arc::new(AtomicBool::new(false));
        let limiter = limiter(settings, &system);
        let api = Api::new(Parts {
            users: system.users(),
            accounts,
            orders: system.orders(),
            catalog,
            tokens,
            administration,
            readiness: readiness(is_draining.clone(), stores, cluster.clone()),
            is_draining: is_draining.clone(),
            cluster,
            sources,
            cors: Cors::allow(&settings.cors_origins)
                .map_err(|error| StartError::Cors(error.to_string()))?,
            limits: RequestLimits {
                in_flight: settings.limits.max_in_flight,
                body_timeout: settings.timeouts.body,
                request_timeout: settings.timeouts.request,
            },
            limiter,
            metrics: metrics.clone(),
        });
        Ok(Self {
            listeners,
            api,
            system,
            joined,
            connections: connection_limits(settings),
            is_draining,
            metrics,
        })
    }

    /// Where the public API is.
    ///
    /// # Errors
    /// The operating system's.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listeners.public.local_addr()
    }

    /// The server's figures: others may be shown beside them.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Where operations are served, if they are.
    #[must_use]
    pub fn operations_address(&self) -> Option<SocketAddr> {
        self.listeners.operations.as_ref()?.local_addr().ok()
    }

    /// Serves until `shutdown` ends; then gives the answers that are under way and stops the
    /// actors.
    ///
    /// # Errors
    /// The operating system's: it cannot serve.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> std::io::Result<Drained> {
        let is_draining = self.is_draining;
        let stop = async {
            shutdown.await;
            is_draining.store(true, Ordering::Relaxed);
            if let Some(joined) = &self.joined {
                joined.leave().await;
            }
        };
        let Listeners {
            public, operations, ..
        } = self.listeners;
        let ops = operations.map(|listener| {
            let (api, limits) = (self.api.operations(), self.connections.clone());
            tokio::spawn(server::serve_operations(listener, api, limits))
        });
        let drained = server::serve(public, self.api, self.connections, stop).await;
        self.system.stop(Instant::now() + QUIESCE_TIME).await;
        if let Some(joined) = self.joined {
            joined.end();
        }
        if let Some(ops) = ops {
            ops.abort();
        }
        drained
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    server::listen(address).map_err(|source| StartError::Listen { address, source })
}

fn system_options(
    settings: &Settings,
    store: &Arc<dyn Store>,
    sources: &Sources,
    catalog: &Arc<Live>,
    cluster: &Cluster,
    metrics: &Metrics,
) -> Options {
    let limits = &settings.limits;
    Options {
        store: store.clone(),
        sources: sources.clone(),
        catalog: catalog.clone(),
        cluster: cluster.clone(),
        users: Bounds {
            waiting: limits.user_queue,
            residents: limits.max_residents,
        },
        stocks: Bounds {
            waiting: STOCK_QUEUE,
            residents: limits.max_residents,
        },
        commit_time: settings.timeouts.request,
        recovery_pause: RECOVERY_PAUSE,
        metrics: metrics.clone(),
    }
}

fn connection_limits(settings: &Settings) -> ConnectionLimits {
    ConnectionLimits {
        connections: settings.limits.max_connections,
        header_timeout: settings.timeouts.header,
        queue_timeout: settings.timeouts.queue,
        drain_timeout: settings.timeouts.drain,
    }
}

/// Brings the catalogue up to date from time to time. Where that fails it stays as it was.
fn follow(catalog: &Arc<Live>, store: &Arc<dyn Store>, system: &System) {
    let (catalog, store) = (catalog.clone(), store.clone());
    system.repeat("catalog", FOLLOW_PAUSE, move || {
        let (catalog, store) = (catalog.clone(), store.clone());
        async move {
            if let Err(error) = catalog.follow(&*store).await {
                tracing::warn!(%error, "catalog.follow.failed");
            }
        }
    });
}

fn limiter(settings: &Settings, system: &System) -> Arc<Limiter> {
    let proxies = settings.trusted_proxies.clone();
    let limiter = Arc::new(Limiter::new(settings.rate_limit.as_ref(), proxies));
    if settings.rate_limit.is_some() {
        let swept = limiter.clone();
        system.repeat("limiter", SWEEP_PAUSE, move || {
            swept.sweep();
            std::future::ready(())
        });
    }
    limiter
}

fn readiness(
    is_draining: Arc<AtomicBool>,
    stores: Stores,
    cluster: Cluster,
) -> Arc<dyn Fn() -> Readiness + Send + Sync> {
    Arc::new(move || {
        if is_draining.load(Ordering::Relaxed) {
            Readiness::NotReady("the server is draining")
        } else if !(stores.is_healthy)() {
            Readiness::NotReady("the store does not answer")
        } else if !cluster.is_ready() {
            Readiness::NotReady("the node is not among those that serve the store")
        } else {
            Readiness::Ready
        }
    })
}

fn registration(admin: &FirstAdmin) -> Result<Registration, StartError> {
    let email = Email::parse(admin.email.expose()).ok_or(StartError::AdminEmail)?;
    check_password(admin.password.expose())?;
    Ok(Registration {
        email,
        password: admin.password.expose().to_owned(),
        first_name: "First".to_owned(),
        last_name: "Administrator".to_owned(),
    })
}

fn client(settings: &OpenIdSettings, sources: &Sources) -> Result<OpenId, Unusable> {
    let registered = Registered {
        issuer: settings.issuer.clone(),
        client_id: settings.client_id.clone(),
        client_secret: settings.client_secret.expose().to_owned(),
        redirect_url: settings.redirect_url.clone(),
    };
    OpenId::new(registered, sources.clone())
}

async fn make_first_admin(
    admin: Option<Registration>,
    accounts: &Accounts,
) -> Result<(), StartError> {
    let Some(admin) = admin else { return Ok(()) };
    let deadline = Instant::now() + ADMIN_TIME;
    match accounts.ensure_administrator(admin, deadline).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            tracing::warn!(
                "app.admin.not_made: the account with CARTWRIGHT_ADMIN_EMAIL is no administrator's"
            );
            Ok(())
        }
        Err(failure) => Err(StartError::Admin(failure)),
    }
}
