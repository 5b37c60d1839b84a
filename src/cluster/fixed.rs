//! A node whose view nobody keeps: for tests and simulations, which say themselves what it knows.

use super::standing::Standing;
use super::{BootClock, Cluster, Node, Transport};
use crate::domain::ids::NodeId;
use crate::store::{Store, View};
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::{Notify, watch};

impl Cluster {
    /// A node of a view that everybody has adopted, under a lease without end.
    #[must_use]
    pub fn fixed(
        me: NodeId,
        view: View,
        clock: Arc<dyn BootClock>,
        transport: Arc<dyn Transport>,
        store: Arc<dyn Store>,
    ) -> Self {
        Self(Some(Arc::new(Node {
            standing: ArcSwap::from_pointee(Standing::settled(me, 1, view)),
            changed: watch::channel(()).0,
            wake: Notify::new(),
            clock,
            lease_until: AtomicU64::new(u64::MAX),
            transport,
            store,
        })))
    }

    /// A view that follows, which everybody has adopted, or nobody.
    #[cfg(test)]
    pub(crate) fn learn(&self, number: u64, view: View, is_adopted: bool) {
        let Some(node) = &self.0 else { return };
        let mut standing = Standing::settled(node.standing.load().me, number, view);
        if !is_adopted {
            standing.handed = number - 1;
            standing.adopted.clear();
        }
        node.standing.store(Arc::new(standing));
        node.changed.send_replace(());
    }

    /// Ends the lease.
    #[cfg(test)]
    pub(crate) fn lapse(&self) {
        let Some(node) = &self.0 else { return };
        node.lease_until
            .store(0, std::sync::atomic::Ordering::Release);
    }
}

impl Standing {
    fn settled(me: NodeId, number: u64, view: View) -> Self {
        let members = view.members.iter().map(|member| member.id);
        Self {
            me,
            number,
            handed: number,
            adopted: members.chain(view.before.iter().copied()).collect(),
            view,
        }
    }
}
