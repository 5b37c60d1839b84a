//! What a node does for the others: answers for the actors that it has, and hands them over.

use super::stock::Stocks;
use super::user::Users;
use crate::cluster::{Answer, Call, Handler, KeyHash, Kind, Residents, Unanswered};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The actors of this node, as other nodes and membership see them. Cheap to clone.
#[derive(Clone)]
pub struct Owner {
    pub(super) users: Users,
    pub(super) stocks: Stocks,
    /// Wakes the worker that ends what others left in the making.
    pub(super) recovery: Arc<Notify>,
}

#[async_trait]
impl Handler for Owner {
    async fn handle(&self, call: Call) -> Result<Answer, Unanswered> {
        match call.kind {
            Kind::User => self.users.placed().answer(call).await,
            Kind::Stock => self.stocks.placed().answer(call).await,
        }
    }
}

#[async_trait]
impl Residents for Owner {
    async fn hand_over(&self, keeps: &(dyn Fn(KeyHash) -> bool + Send + Sync), deadline: Instant) {
        // Users first: they finish what they have with the stock that they use, which is asked
        // where it is until then.
        self.users.placed().hand_over(keeps, deadline).await;
        self.stocks.placed().hand_over(keeps, deadline).await;
    }

    fn count(&self) -> (u64, u64) {
        let count = |residents: usize| u64::try_from(residents).unwrap_or(u64::MAX);
        (
            count(self.users.placed().directory().residents()),
            count(self.stocks.placed().directory().residents()),
        )
    }

    fn taken_over(&self) {
        self.recovery.notify_one();
    }
}
