//! Asks other nodes. Each has a connection of its own and so many calls at once: one that hangs
//! costs those who ask it, and nobody else.

use super::proto::cluster_client::ClusterClient;
use super::proto::{self, AskRequest, AskResponse, Undone, ask_response::Outcome};
use super::{
    CONNECT_TIME, ClusterSecret, MAX_MESSAGE, PING_PAUSE, PING_TIME, REFUSED, REQUEST_ID, Tls,
    WINDOW,
};
use crate::cluster::transport::{Answer, Call, Transport, Unanswered};
use crate::domain::ids::NodeId;
use crate::store::Member;
use crate::telemetry::traces::TRACEPARENT;
use async_trait::async_trait;
use quick_cache::sync::Cache;
use std::error::Error;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, ConnectError, Request, Status};

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

/// The way to one node. Connected when first used, and again whenever the connection was lost.
struct Link {
    client: ClusterClient<Channel>,
    calls: Semaphore,
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
        let link = self.open(to.address.as_deref()?);
        let link = link.map_err(|error| {
            tracing::error!(node.id = %to.id, %error, "cluster.address.invalid");
        });
        let link = Arc::new(link.ok()?);
        self.links.insert(to.id, link.clone());
        Some(link)
    }

    fn open(&self, address: &str) -> Result<Link, tonic::transport::Error> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))?;
        let endpoint = match &self.tls {
            Some(tls) => endpoint.tls_config(tls.client())?,
            None => endpoint,
        };
        let channel = endpoint
            .connect_timeout(CONNECT_TIME)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(PING_PAUSE)
            .keep_alive_timeout(PING_TIME)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .buffer_size(self.limits.calls)
            .connect_lazy();
        Ok(Link {
            client: ClusterClient::new(channel).max_decoding_message_size(MAX_MESSAGE),
            calls: Semaphore::new(self.limits.calls),
        })
    }

    #[cfg(test)]
    pub(super) fn open_links(&self) -> usize {
        self.links.len()
    }

    fn request(&self, call: Call) -> Request<AskRequest> {
        let mut request = Request::new(AskRequest {
            kind: proto::Kind::from(call.kind).into(),
            key: call.key,
            request: call.request,
            view: call.view,
        });
        request.set_timeout(call.deadline.saturating_duration_since(Instant::now()));
        self.secret.prove(request.metadata_mut());
        let id = call.request_id.and_then(|id| id.parse().ok());
        if let Some(id) = id {
            request.metadata_mut().insert(REQUEST_ID, id);
        }
        let parent = call.traceparent.map(|parent| parent.to_string());
        if let Some(parent) = parent.and_then(|parent| parent.parse().ok()) {
            request.metadata_mut().insert(TRACEPARENT, parent);
        }
        request
    }
}

#[async_trait]
impl Transport for GrpcTransport {
    async fn call(&self, to: &Member, call: Call) -> Result<Answer, Unanswered> {
        let link = self.link(to).ok_or(Unanswered::NotSent)?;
        let _place = link.calls.try_acquire().map_err(|_| Unanswered::Refused)?;
        let response = link.client.clone().ask(self.request(call)).await;
        response
            .map_err(|status| unanswered(to, &status))
            .and_then(|response| answer(response.into_inner()))
    }

    fn keep(&self, members: &[Member]) {
        let is_member = |id: &NodeId| members.iter().any(|member| member.id == *id);
        self.links.retain(|id, _| is_member(id));
    }
}

fn answer(response: AskResponse) -> Result<Answer, Unanswered> {
    match response.outcome {
        Some(Outcome::Given(bytes)) => Ok(Answer::Given(bytes)),
        Some(Outcome::Elsewhere(view)) => Ok(Answer::Elsewhere { view }),
        Some(Outcome::Undone(reason)) => match Undone::try_from(reason) {
            Ok(Undone::Unreadable) => Ok(Answer::Unreadable),
            Ok(Undone::Unplaced) => Err(Unanswered::NotSent),
            // A reason of a later version is one nevertheless.
            Ok(Undone::Refused | Undone::Unspecified) | Err(_) => Err(Unanswered::Refused),
        },
        // An outcome of a later version.
        None => Err(Unanswered::Unknown),
    }
}

/// What is certain after a call that failed.
fn unanswered(to: &Member, status: &Status) -> Unanswered {
    if status.code() == Code::Unauthenticated {
        tracing::error!(node.id = %to.id, "cluster.secret.refused");
        Unanswered::Refused
    } else if status.metadata().contains_key(REFUSED) {
        Unanswered::Refused
    } else if is_never_connected(status) {
        Unanswered::NotSent
    } else {
        tracing::debug!(node.id = %to.id, code = ?status.code(), "cluster.call.lost");
        Unanswered::Unknown
    }
}

/// Whether there was no connection that the call could have been sent by.
fn is_never_connected(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
