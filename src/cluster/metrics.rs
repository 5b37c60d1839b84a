//! Where the node stands among others, as it is shown.

use super::{Cluster, Footing};
use crate::metrics::{Metrics, Reading, Unit};

impl Cluster {
    /// Shows where the node stands. A node alone stands nowhere, and shows nothing.
    pub fn report_to(&self, metrics: &Metrics) {
        if self.is_alone() {
            return;
        }
        metrics.register(
            "cartwright_cluster_view",
            "The number of the latest view",
            self.shown_number(|footing| usize::try_from(footing.view).unwrap_or(usize::MAX)),
        );
        metrics.register(
            "cartwright_cluster_members",
            "Nodes of the latest view",
            self.shown_number(|footing| footing.members),
        );
        metrics.register(
            "cartwright_cluster_unsettled",
            "Nodes that have not adopted the latest view: above 0, actors are moving",
            self.shown_number(|footing| footing.unsettled),
        );
        metrics.register(
            "cartwright_cluster_is_member",
            "Whether this node belongs to the latest view: 1 or 0",
            self.shown_number(|footing| usize::from(footing.is_member)),
        );
        metrics.register_in(
            Unit::Seconds,
            "cartwright_cluster_lease",
            "How much longer this node may answer from memory",
            self.shown(|footing| footing.lease.as_secs_f64()),
        );
    }

    fn shown(&self, read: impl Fn(&Footing) -> f64 + Send + Sync + 'static) -> Reading {
        let cluster = self.clone();
        Reading::new(move || cluster.footing().as_ref().map_or(0.0, &read))
    }

    fn shown_number(&self, read: impl Fn(&Footing) -> usize + Send + Sync + 'static) -> Reading {
        let cluster = self.clone();
        Reading::number(move || cluster.footing().as_ref().map_or(0, &read))
    }
}
