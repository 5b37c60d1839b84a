//! The actors of one node, put together: started in order, quiesced in the opposite one.

use super::Bounds;
use super::administration::{Administration, Roles};
use super::metrics::ActorMetrics;
use super::orders::Orders;
use super::owner::Owner;
use super::recovery::{Recovery, Which};
use super::stock::Stocks;
use super::supervisor::{Periodic, Supervision};
use super::user::{self, Users};
use crate::catalog::Live;
use crate::cluster::{Cluster, Kind};
use crate::metrics::{By, Metrics, Reading};
use crate::sources::Sources;
use crate::store::{Store, encoding};
use futures::FutureExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What a node's actors work with.
#[derive(Clone)]
pub struct Options {
    /// What is durable.
    pub store: Arc<dyn Store>,
    /// The time and ids.
    pub sources: Sources,
    /// What is for sale.
    pub catalog: Arc<Live>,
    /// The nodes that serve the store, this one among them.
    pub cluster: Cluster,
    /// Bounds of users' actors.
    pub users: Bounds,
    /// Bounds of stock items' actors.
    pub stocks: Bounds,
    /// How long a commit's outcome is sought before its actor gives up.
    pub commit_time: Duration,
    /// The pause between two runs of recovery.
    pub recovery_pause: Duration,
    /// Where the actors' figures are shown.
    pub metrics: Metrics,
}

/// A node's actors.
pub struct System {
    supervision: Supervision,
    users: Users,
    stocks: Stocks,
    orders: Orders,
    administration: Administration,
    recovery: Recovery,
    /// Told when users have come here.
    taken_over: Arc<Notify>,
}

/// Why a node's actors did not start.
#[derive(Debug, thiserror::Error)]
#[error("the actors could not be started: {0}")]
pub struct NotStarted(String);

impl System {
    /// Starts the supervision tree, ends what crashed processes left in the making, and from then
    /// on does so periodically.
    ///
    /// # Errors
    /// [`NotStarted`].
    pub async fn start(options: Options) -> Result<Self, NotStarted> {
        let started = Supervision::start::<2>().await;
        let (supervision, [user_shards, stock_shards]) =
            started.map_err(|error| NotStarted(error.to_string()))?;
        let Options {
            store,
            sources,
            catalog,
            cluster,
            commit_time,
            ..
        } = options;
        let counted = ActorMetrics::default();
        counted.register(&options.metrics);
        let stocks = Stocks::new(
            store.clone(),
            sources.clone(),
            stock_shards,
            options.stocks,
            commit_time,
            cluster.clone(),
            counted.stock,
        );
        let means = user::Means {
            store: store.clone(),
            sources: sources.clone(),
            stocks: stocks.clone(),
            catalog,
            stored_size: encoding::cart_bytes,
            commit_time,
            metrics: counted.user,
            checkouts: counted.checkout.clone(),
        };
        let users = Users::new(means, user_shards, options.users, cluster.clone());
        let orders = Orders::new(users.clone(), store.clone());
        let roles = Roles::load(store.clone()).await;
        supervision.supervise(roles.refreshing());
        let administration =
            Administration::new(store.clone(), sources.clone(), users.clone(), roles);
        let recovery = Recovery {
            store,
            sources,
            users: users.clone(),
            stocks: stocks.clone(),
            metrics: counted.checkout,
        };
        let system = Self {
            supervision,
            users,
            stocks,
            orders,
            administration,
            recovery,
            taken_over: Arc::default(),
        };
        system.register(&options.metrics);
        // Whoever has the store for itself need not wait: nobody else makes an order.
        let which = if cluster.is_alone() {
            Which::All
        } else {
            Which::Overdue
        };
        system.recovery.try_run(which).await;
        system.supervise(options.recovery_pause);
        Ok(system)
    }

    /// Shows what can be told at any time.
    fn register(&self, metrics: &Metrics) {
        let of = |read: fn(&Users, &Stocks, Kind) -> usize| {
            let (users, stocks) = (self.users.clone(), self.stocks.clone());
            By::<Kind, Reading>::each(move |kind| {
                let (users, stocks) = (users.clone(), stocks.clone());
                Reading::number(move || read(&users, &stocks, kind))
            })
        };
        metrics.register(
            "cartwright_actors_resident",
            "Actors in memory",
            of(|users, stocks, kind| match kind {
                Kind::User => users.placed().directory().residents(),
                Kind::Stock => stocks.placed().directory().residents(),
            }),
        );
        metrics.register(
            "cartwright_cluster_waiting",
            "Commands that wait until a node can be reached, or a key is here",
            of(|users, stocks, kind| match kind {
                Kind::User => users.placed().waiting(),
                Kind::Stock => stocks.placed().waiting(),
            }),
        );
    }

    fn supervise(&self, recovery_pause: Duration) {
        let recovery = self.recovery.clone();
        self.repeat("recovery", recovery_pause, move || {
            let recovery = recovery.clone();
            async move { recovery.try_run(Which::Overdue).await }
        });
        // Whoever had the users that come here may have left orders in the making.
        let (recovery, taken_over) = (self.recovery.clone(), self.taken_over.clone());
        self.repeat("takeover", Duration::ZERO, move || {
            let (recovery, taken_over) = (recovery.clone(), taken_over.clone());
            async move {
                taken_over.notified().await;
                recovery.try_run(Which::All).await;
            }
        });
        let (users, stocks) = (self.users.clone(), self.stocks.clone());
        self.supervision.supervise(Periodic {
            name: "passivation",
            every: Duration::from_secs(1),
            job: Arc::new(move || {
                let passivated = users.placed().directory().passivate_excess();
                let passivated = passivated + stocks.placed().directory().passivate_excess();
                if passivated > 0 {
                    tracing::debug!(actors = passivated, "directory.passivated");
                }
                Box::pin(std::future::ready(()))
            }),
        });
    }

    /// Has `job`, called `name` in the log, done every so often, by a worker that is restarted when
    /// it fails.
    pub fn repeat<F: Future<Output = ()> + Send + 'static>(
        &self,
        name: &'static str,
        every: Duration,
        job: impl Fn() -> F + Send + Sync + 'static,
    ) {
        let job = Arc::new(move || job().boxed());
        self.supervision.supervise(Periodic { name, every, job });
    }

    /// The users' actors.
    #[must_use]
    pub fn users(&self) -> Users {
        self.users.clone()
    }

    /// The stock items' actors.
    #[must_use]
    pub fn stocks(&self) -> Stocks {
        self.stocks.clone()
    }

    /// Past orders.
    #[must_use]
    pub fn orders(&self) -> Orders {
        self.orders.clone()
    }

    /// Roles, and who has them.
    #[must_use]
    pub fn administration(&self) -> Administration {
        self.administration.clone()
    }

    /// What this node does for the others.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner {
            users: self.users.clone(),
            stocks: self.stocks.clone(),
            recovery: self.taken_over.clone(),
        }
    }

    /// How many users' and stock items' actors are resident.
    #[must_use]
    pub fn residents(&self) -> (usize, usize) {
        (
            self.users.placed().directory().residents(),
            self.stocks.placed().directory().residents(),
        )
    }

    /// Lets every actor finish what it has, users before the stock that they use, then stops the
    /// tree. What is not finished by `deadline` is left to the recovery of the next start.
    pub async fn stop(&self, deadline: Instant) {
        self.users.placed().directory().quiesce_all(deadline).await;
        self.stocks.placed().directory().quiesce_all(deadline).await;
        self.supervision.stop();
    }
}
