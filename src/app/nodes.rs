//! This node among others: how it is reached, when it comes, when it goes.

use super::server::StartError;
use crate::actors::{Owner, System};
use crate::auth::secret::Secret;
use crate::cluster::grpc::{self, ClientLimits, ClusterSecret, GrpcTransport, ServerLimits, Tls};
use crate::cluster::{
    Answer, Call, Cluster, Joining, Membership, Options, Timing, Transport, Unanswered,
};
use crate::config::{ClusterSettings, ReachedSettings};
use crate::sources::{Sources, SystemBootClock};
use crate::store::{Member, Store};
use async_trait::async_trait;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// How long leaving may take beyond what handing over may.
const LEAVE_TIME: Duration = Duration::from_secs(5);

/// A node that has not joined the others yet.
pub(super) struct Node {
    joining: Joining,
    reached: Option<Reached>,
    detection: Duration,
}

/// How others reach this node.
struct Reached {
    listener: TcpListener,
    secret: ClusterSecret,
    tls: Option<Tls>,
    drain_delay: Duration,
}

/// A node among others.
pub(super) struct Joined {
    membership: Membership,
    detection: Duration,
    drain_delay: Duration,
    server: Option<AbortHandle>,
}

impl Node {
    /// This node, and the handle by which its actors are reached.
    ///
    /// # Errors
    /// [`StartError`].
    pub(super) fn new(
        settings: &ClusterSettings,
        listener: Option<TcpListener>,
        store: Arc<dyn Store>,
        sources: &Sources,
    ) -> Result<(Cluster, Self), StartError> {
        let (reached, address, transport): (_, _, Arc<dyn Transport>) =
            match settings.reached.as_ref().zip(listener) {
                None => (None, None, Arc::new(Nobody)),
                Some((settings, listener)) => {
                    let address = address(settings, &listener)?;
                    let secret = Secret::parse(settings.secret.expose());
                    let secret = secret.map_err(StartError::WeakClusterSecret)?;
                    let secret = ClusterSecret::new(&secret);
                    let tls = settings.tls.as_ref().map(tls).transpose()?;
                    let limits = ClientLimits::default();
                    let transport = GrpcTransport::new(secret.clone(), tls.clone(), limits);
                    let reached = Reached {
                        listener,
                        secret,
                        tls,
                        drain_delay: settings.drain_delay,
                    };
                    (Some(reached), Some(address), Arc::new(transport))
                }
            };
        let name = settings.name.clone();
        let (cluster, joining) = Joining::new(Options {
            store,
            sources: sources.clone(),
            clock: Arc::new(SystemBootClock),
            transport,
            timing: Timing::detecting_within(settings.detection),
            name: name.unwrap_or_else(name_of_this_process),
            address,
        });
        let node = Self {
            joining,
            reached,
            detection: settings.detection,
        };
        Ok((cluster, node))
    }

    /// Answers the others from now on, and joins them.
    ///
    /// # Errors
    /// [`StartError::Join`].
    pub(super) async fn join(self, system: &System) -> Result<Joined, StartError> {
        let owner = Arc::new(system.owner());
        let drain_delay = self.reached.as_ref().map(|reached| reached.drain_delay);
        let server = self.reached.map(|reached| serve(reached, owner.clone()));
        let membership = self.joining.join(owner).await;
        Ok(Joined {
            membership: membership.map_err(StartError::Join)?,
            detection: self.detection,
            drain_delay: drain_delay.unwrap_or_default(),
            server,
        })
    }
}

fn serve(reached: Reached, owner: Arc<Owner>) -> AbortHandle {
    let serving = async move {
        let (tls, limits) = (reached.tls.as_ref(), ServerLimits::default());
        let served = grpc::serve(reached.listener, reached.secret, tls, limits, owner);
        if let Err(error) = served.await {
            tracing::error!(%error, "cluster.serve.failed");
        }
    };
    tokio::spawn(serving).abort_handle()
}

/// Where others reach the listener.
fn address(settings: &ReachedSettings, listener: &TcpListener) -> Result<String, StartError> {
    if let Some(address) = &settings.address {
        return Ok(address.clone());
    }
    let bound = listener.local_addr();
    let told = |bound: SocketAddr| bound.to_string();
    let address = settings.listen;
    bound
        .map(told)
        .map_err(|source| StartError::Listen { address, source })
}

fn tls(files: &(PathBuf, PathBuf, PathBuf)) -> Result<Tls, StartError> {
    let (authority, certificate, key) = files;
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|source| StartError::ClusterFile {
            path: path.clone(),
            source,
        })
    };
    Ok(Tls::from_pem(
        &read(authority)?,
        &read(certificate)?,
        &read(key)?,
    )?)
}

/// What people tell this process from others by.
pub(super) fn name_of_this_process() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => "an unnamed host",
        host => host,
    };
    format!("process {} on {host}", std::process::id())
}

/// Carries nothing: a node that others do not reach is alone.
struct Nobody;

#[async_trait]
impl Transport for Nobody {
    async fn call(&self, _: &Member, _: Call) -> Result<Answer, Unanswered> {
        Err(Unanswered::NotSent)
    }
}

impl Joined {
    /// Has the others take over, and goes on as long as somebody may still send requests here.
    pub(super) async fn leave(&self) {
        let delay = tokio::time::sleep(self.drain_delay);
        let deadline = Instant::now() + self.detection + LEAVE_TIME;
        tokio::join!(self.membership.leave(deadline), delay);
    }

    /// Ends answering the others.
    pub(super) fn end(self) {
        if let Some(server) = self.server {
            server.abort();
        }
    }
}
