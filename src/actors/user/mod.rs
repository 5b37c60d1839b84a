//! The actor that owns one user: decides requests one at a time, makes what they change durable,
//! and only then answers.

mod actor;
mod checkout;
mod gate;
mod reply;
mod resident;
mod turn;

pub use reply::{AccountView, Body, CartView, Reply};

use super::Failure;
use super::directory::{Bounds, Directory};
use super::metrics::{CheckoutMetrics, KindMetrics};
use super::placed::Placed;
use super::stock::Stocks;
use super::supervisor::Shards;
use crate::catalog::Live;
use crate::cluster::Cluster;
use crate::domain::cart::Cart;
use crate::domain::ids::{OrderId, UserId};
use crate::domain::order::{Attempt, Order};
use crate::domain::user::{Command, Request};
use crate::sources::Sources;
use crate::store::Store;
pub(crate) use actor::User;
pub(crate) use checkout::end_attempt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What users' actors work with.
#[derive(Clone)]
pub(crate) struct Means {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sources: Sources,
    pub(crate) stocks: Stocks,
    pub(crate) catalog: Arc<Live>,
    pub(crate) stored_size: fn(&Cart) -> usize,
    /// How long a commit's outcome is sought.
    pub(crate) commit_time: Duration,
    pub(crate) metrics: Arc<KindMetrics>,
    pub(crate) checkouts: Arc<CheckoutMetrics>,
}

/// Finds the actors of users, at whatever node, and hands them requests. Cheap to clone.
#[derive(Clone)]
pub struct Users {
    placed: Placed<User>,
    store: Arc<dyn Store>,
}

impl Users {
    pub(crate) fn new(means: Means, shards: Shards, bounds: Bounds, cluster: Cluster) -> Self {
        let (store, metrics) = (means.store.clone(), means.metrics.clone());
        let directory = Directory::new(User::new(means), shards, bounds, metrics);
        Self {
            placed: Placed::new(directory, cluster),
            store,
        }
    }

    /// Hands a request to the user's actor and waits for its answer, at most until `deadline`.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn ask(
        &self,
        user: UserId,
        request: Request,
        deadline: Instant,
    ) -> Result<Reply, Failure> {
        // Boxed, as each future that awaits this one has room for it, and is copied as it begins.
        let reply = Box::pin(self.placed.ask(&user, request, deadline)).await?;
        if reply.replayed {
            self.placed.directory().metrics().replayed.inc();
        }
        match reply.body {
            Body::PastOrder(id) => {
                let order = self.past_order(user, id, deadline).await?;
                Ok(Reply {
                    body: Body::Order(Arc::new(order)),
                    replayed: reply.replayed,
                })
            }
            _ => Ok(reply),
        }
    }

    /// What the node is called that has the user, where there are several.
    #[must_use]
    pub fn node_of(&self, user: UserId) -> Option<String> {
        self.placed.owner(&user)
    }

    /// A user's account, whoever asks.
    ///
    /// # Errors
    /// [`Failure`]; `Rejected(UserNotFound)` where there is none.
    pub(crate) async fn view(
        &self,
        user: UserId,
        deadline: Instant,
    ) -> Result<AccountView, Failure> {
        let view = Request::anonymous(Command::ViewAccount);
        self.ask(user, view, deadline).await?.into_account()
    }

    /// Reads beside the mailbox: what was acknowledged is durable, so the store is current.
    async fn past_order(
        &self,
        user: UserId,
        order: OrderId,
        deadline: Instant,
    ) -> Result<Order, Failure> {
        let read = self.store.order(user, order);
        let found = tokio::time::timeout_at(deadline, read).await;
        let found = found.map_err(|_| Failure::Unavailable)?;
        found.map_err(Failure::from_store)?.ok_or(Failure::Internal)
    }

    /// Makes sure that no commit of the attempt at an order is still under way and none can still
    /// take effect, then tells whether the order was placed.
    ///
    /// # Errors
    /// [`Failure::Busy`] where the attempt is still being made.
    pub(crate) async fn was_placed(
        &self,
        attempt: &Attempt,
        deadline: Instant,
    ) -> Result<bool, Failure> {
        let (user, order) = (attempt.user_id, attempt.order_id);
        let fence = Request::anonymous(Command::Fence {
            unless_placing: order,
        });
        self.ask(user, fence, deadline).await?;
        Ok(self
            .store
            .order(user, order)
            .await
            .map_err(Failure::from_store)?
            .is_some())
    }

    pub(crate) fn placed(&self) -> &Placed<User> {
        &self.placed
    }
}
