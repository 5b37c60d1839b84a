//! Asks other nodes. Each has a connection of its own and so many calls at once: one that hangs
//! costs those who ask it, and nobody else.

use super::link::Link;
use super::proto::cluster_client::ClusterClient;
use super::{ClusterSecret, Tls, channel};
use crate::cluster::transport::{Answer, Call, Transport, Unanswered};
use crate::domain::ids::NodeId;
use crate::store::Member;
use async_trait::async_trait;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// The most nodes to which there is a connection; beyond, the one that was used least goes.
const MAX_NODES: usize = 256;

/// How much is asked of other nodes at once.
#[derive(Clone, Copy, Debug)]
pub struct ClientLimits {
    /// Calls under way to one node; what comes beyond is refused.
    pub calls: usize,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self { calls: 256 }
    }
}

/// Carries calls by gRPC.
pub struct GrpcTransport {
    secret: ClusterSecret,
    tls: Option<Tls>,
    limits: ClientLimits,
    links: Cache<NodeId, Arc<Link>>,
}

impl GrpcTransport {
    /// To nodes that know the secret, by TLS or not.
    #[must_use]
    pub fn new(secret: ClusterSecret, tls: Option<Tls>, limits: ClientLimits) -> Self {
        Self {
            secret,
            tls,
            limits,
            links: Cache::new(MAX_NODES),
        }
    }

    fn link(&self, to: &Member) -> Option<Arc<Link>> {
        if let Some(link) = self.links.get(&to.id) {
            return Some(link);
        }
        let channel = channel(to.address.as_deref()?, self.tls.as_ref()).map_err(|error| {
            tracing::error!(node.id = %to.id, %error, "cluster.address.invalid");
        });
        let client = ClusterClient::new(channel.ok()?);
        let link = Link::new(to.id, client, self.secret.clone(), self.limits.calls);
        let link = Arc::new(link);
        self.links.insert(to.id, link.clone());
        Some(link)
    }

    #[cfg(test)]
    pub(super) fn open_links(&self) -> usize {
        self.links.len()
    }
}

#[async_trait]
impl Transport for GrpcTransport {
    async fn call(&self, to: &Member, call: Call) -> Result<Answer, Unanswered> {
        let link = self.link(to).ok_or(Unanswered::NotSent)?;
        link.call(call).await
    }

    fn keep(&self, members: &[Member]) {
        let is_member = |id: &NodeId| members.iter().any(|member| member.id == *id);
        self.links.retain(|id, _| is_member(id));
    }
}
