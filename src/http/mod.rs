//! The REST API: warp filters turn a request into a message to an actor, and the answer into JSON.
//!
//! A request passes its id, the limits, its access token and the roles, in that order, and then
//! its handler, which asks whoever owns the data. No rule of the shop is decided here; statuses
//! and codes are decided nowhere else.

mod admin;
mod asked;
mod auth;
mod cart;
mod catalog;
mod cluster;
mod conditional;
mod cors;
pub mod endpoints;
pub mod error;
mod filters;
mod format;
mod front;
mod google;
mod health;
mod json;
pub mod limiter;
pub mod lobby;
mod measured;
mod metrics;
mod orders;
mod products;
mod query;
mod rendered;
pub mod server;
mod shipping;
mod workers;

pub use cors::Cors;
pub use health::Readiness;

use crate::actors::accounts::Accounts;
use crate::actors::administration::Administration;
use crate::actors::orders::Orders;
use crate::actors::user::Users;
use crate::auth::access::AccessTokens;
use crate::catalog::Live;
use crate::cluster::Cluster;
use crate::metrics::{Metrics, Reading};
use crate::sources::Sources;
use endpoints::Target;
use filters::Route;
use limiter::Limiter;
use measured::Measures;
use products::WrittenProducts;
use rendered::Rendered;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::sync::Semaphore;
use warp::http::Method;
use workers::Workers;

/// The largest body that is read, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// What requests may take of the node.
#[derive(Clone, Debug)]
pub struct RequestLimits {
    /// Requests in flight; one more is refused.
    pub in_flight: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How long a request may take once its body is here.
    pub request_timeout: Duration,
}

/// Everything that the API answers from.
pub struct Parts {
    /// Carts and accounts.
    pub users: Users,
    /// Registration and sessions.
    pub accounts: Accounts,
    /// Orders.
    pub orders: Orders,
    /// What is for sale.
    pub catalog: Arc<Live>,
    /// Judges access tokens.
    pub tokens: Arc<AccessTokens>,
    /// Roles, and who has them.
    pub administration: Administration,
    /// Whether the node should get traffic.
    pub readiness: Arc<dyn Fn() -> Readiness + Send + Sync>,
    /// Whether the node was told to stop: clients are told to connect elsewhere.
    pub is_draining: Arc<AtomicBool>,
    /// This node among others.
    pub cluster: Cluster,
    /// Ids of requests.
    pub sources: Sources,
    /// Which other sites may call it.
    pub cors: Cors,
    /// What requests may take.
    pub limits: RequestLimits,
    /// How often clients may ask.
    pub limiter: Arc<Limiter>,
    /// Where figures are shown.
    pub metrics: Metrics,
}

/// The API, or the part of it that operators ask for. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    shared: Arc<Shared>,
    /// Whether it answers only what tells how the node is.
    is_operations: bool,
}

struct Shared {
    parts: Parts,
    in_flight: Arc<Semaphore>,
    broad_searches: Workers,
    rendered: Rendered,
    written_products: WrittenProducts,
    measures: Measures,
}

impl Api {
    /// An API that answers from `parts`.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let most = parts.limits.in_flight.min(Semaphore::MAX_PERMITS);
        let in_flight = Arc::new(Semaphore::new(most));
        let measures = Measures::new(&parts.metrics);
        register_places(&parts.metrics, &in_flight, most);
        Self {
            shared: Arc::new(Shared {
                parts,
                in_flight,
                broad_searches: Workers::for_half_the_cores(),
                rendered: Rendered::default(),
                written_products: WrittenProducts::default(),
                measures,
            }),
            is_operations: false,
        }
    }

    /// The part that tells how the node is, and serves no shop.
    #[must_use]
    pub fn operations(&self) -> Self {
        Self {
            is_operations: true,
            ..self.clone()
        }
    }

    fn in_flight(&self) -> Arc<Semaphore> {
        Arc::clone(&self.shared.in_flight)
    }

    fn broad_searches(&self) -> &Workers {
        &self.shared.broad_searches
    }

    fn measures(&self) -> &Measures {
        &self.shared.measures
    }

    /// Answers about the catalogue.
    fn rendered(&self) -> &Rendered {
        &self.shared.rendered
    }

    /// Products as they are shown.
    fn written_products(&self) -> &WrittenProducts {
        &self.shared.written_products
    }

    /// What a request asks of it.
    fn target(&self, method: &Method, path: &str) -> Target {
        match Target::of(method, path) {
            Target::Endpoint(endpoint) if self.is_operations && endpoint.admitted => {
                Target::Unknown
            }
            Target::Endpoint(endpoint) if !self.is_operations && endpoint.for_operators => {
                Target::Unknown
            }
            target => target,
        }
    }
}

impl std::ops::Deref for Api {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.shared.parts
    }
}

/// Shows how many of `most` places for requests are taken.
fn register_places(metrics: &Metrics, free: &Arc<Semaphore>, most: usize) {
    let free = Arc::clone(free);
    metrics.register(
        "cartwright_http_requests_in_flight",
        "Requests that have a place among those in flight",
        Reading::number(move || most.saturating_sub(free.available_permits())),
    );
    metrics.register(
        "cartwright_http_requests_in_flight_limit",
        "The most requests in flight; one more is refused",
        Reading::number(move || most),
    );
}

/// The routes of all endpoints.
fn routes(api: &Api) -> Vec<Route> {
    let resources = [
        cart::routes,
        catalog::routes,
        orders::routes,
        shipping::routes,
        auth::routes,
        google::routes,
        admin::routes,
        health::routes,
        cluster::routes,
        metrics::routes,
    ];
    resources.iter().flat_map(|routes| routes(api)).collect()
}
