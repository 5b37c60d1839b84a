//! What is counted of actors, checkouts and calls between nodes. Each event is one addition, on
//! figures that are found beforehand.

mod checkout;
mod kind;

pub(crate) use checkout::{CheckoutMetrics, Ended, Recovered};
pub(crate) use kind::KindMetrics;

use crate::cluster::Kind;
use crate::metrics::{By, Labels, Metrics, labels};
use std::sync::Arc;

labels!(Kind, "kind", User => "user", Stock => "stock");

/// Of a node. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct ActorMetrics {
    pub(crate) user: Arc<KindMetrics>,
    pub(crate) stock: Arc<KindMetrics>,
    pub(crate) checkout: Arc<CheckoutMetrics>,
}

impl ActorMetrics {
    fn of(&self, kind: Kind) -> &KindMetrics {
        match kind {
            Kind::User => &self.user,
            Kind::Stock => &self.stock,
        }
    }

    /// A figure of each kind.
    fn each<M: Clone>(&self, figure: impl Fn(&KindMetrics) -> &M) -> By<Kind, M> {
        By::each(|kind| figure(self.of(kind)).clone())
    }

    /// A figure of each kind, told apart further.
    fn each_by<L: Labels, M: Clone>(
        &self,
        figures: impl Fn(&KindMetrics) -> &By<L, M>,
    ) -> By<(Kind, L), M> {
        By::each(|(kind, label)| figures(self.of(kind)).of(label).clone())
    }

    /// Shows them.
    pub(crate) fn register(&self, metrics: &Metrics) {
        kind::register(self, metrics);
        self.checkout.register(metrics);
    }
}
