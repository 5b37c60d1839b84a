//! Who serves the keyspace beside this process, and how they reach each other.

use super::settings::{InvalidSettings, given};
use super::values::{Redacted, duration};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How nodes serve one keyspace together, as it was given. [`ClusterArgs::settings`] judges it
/// together.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(next_help_heading = "Nodes")]
pub struct ClusterArgs {
    /// What this node is called in logs and by `/cluster`; else it is named after its host and
    /// process
    #[arg(long, env = "CARTWRIGHT_NODE_NAME", value_name = "NAME")]
    pub node_name: Option<String>,

    /// Address on which other nodes ask this one. Without, the node has its keyspace for itself: a
    /// second one does not start
    #[arg(long, env = "CARTWRIGHT_CLUSTER_LISTEN", value_name = "IP:PORT")]
    pub cluster_listen: Option<SocketAddr>,

    /// Where other nodes reach that address, if it is not where it listens: a name or an address, and
    /// a port
    #[arg(long, env = "CARTWRIGHT_CLUSTER_ADDRESS", value_name = "HOST:PORT")]
    pub cluster_address: Option<String>,

    /// Secret that the nodes have in common: at least 32 random bytes, not the one that signs
    /// tokens. Prefer the variable: other processes can see flags
    #[arg(
        long,
        env = "CARTWRIGHT_CLUSTER_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    pub cluster_secret: Option<Redacted>,

    /// File of the certificates, in PEM, that those of the other nodes must descend from; with it
    /// nodes talk encrypted, and each shows the other its own
    #[arg(long, env = "CARTWRIGHT_CLUSTER_CA", value_name = "FILE")]
    pub cluster_ca: Option<PathBuf>,

    /// File of this node's certificate for the others, in PEM
    #[arg(long, env = "CARTWRIGHT_CLUSTER_CERTIFICATE", value_name = "FILE")]
    pub cluster_certificate: Option<PathBuf>,

    /// File of that certificate's key, in PEM
    #[arg(long, env = "CARTWRIGHT_CLUSTER_KEY", value_name = "FILE")]
    pub cluster_key: Option<PathBuf>,

    /// A node that gives no sign of life for so long is dead: its users are served by others. One
    /// that cannot give any stops answering before. The same on every node, and more than 600ms
    #[arg(
        long,
        env = "CARTWRIGHT_CLUSTER_DETECTION",
        value_name = "TIME",
        default_value = "6s",
        value_parser = duration
    )]
    pub cluster_detection: Duration,

    /// How long a node that was told to stop still accepts requests, which others answer: as long as
    /// a load balancer takes to see that `/ready` is 503. Only with CARTWRIGHT_CLUSTER_LISTEN
    #[arg(
        long,
        env = "CARTWRIGHT_DRAIN_DELAY",
        value_name = "TIME",
        default_value = "3s",
        value_parser = duration
    )]
    pub drain_delay: Duration,
}

/// How this node takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSettings {
    /// What people call it.
    pub name: Option<String>,
    /// After so long without a sign of life a node is dead.
    pub detection: Duration,
    /// How it is reached; `None`: not at all.
    pub reached: Option<ReachedSettings>,
}

/// How others reach this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReachedSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where others find that, if they find it elsewhere.
    pub address: Option<String>,
    /// The secret in common, its strength not judged yet.
    pub secret: Redacted,
    /// Certificates of the CA, our own, and its key.
    pub tls: Option<(PathBuf, PathBuf, PathBuf)>,
    /// How long requests are accepted after the process was told to stop.
    pub drain_delay: Duration,
}

impl ClusterArgs {
    /// The settings, if they go together.
    ///
    /// # Errors
    /// [`InvalidSettings`] names the first contradiction.
    pub fn settings(self, is_embedded: bool) -> Result<ClusterSettings, InvalidSettings> {
        let secret = given(self.cluster_secret);
        let tls = match (self.cluster_ca, self.cluster_certificate, self.cluster_key) {
            (Some(ca), Some(certificate), Some(key)) => Some((ca, certificate, key)),
            (None, None, None) => None,
            _ => return Err(InvalidSettings::PartOfAClusterIdentity),
        };
        let reached = match self.cluster_listen {
            Some(_) if is_embedded => {
                return Err(InvalidSettings::OnlyForKeyspaces(
                    "CARTWRIGHT_CLUSTER_LISTEN",
                ));
            }
            Some(listen) => {
                if listen.ip().is_unspecified() && self.cluster_address.is_none() {
                    return Err(InvalidSettings::ClusterAddressNeeded(listen));
                }
                Some(ReachedSettings {
                    listen,
                    address: self.cluster_address,
                    secret: secret.ok_or(InvalidSettings::ClusterSecretNeeded)?,
                    tls,
                    drain_delay: self.drain_delay,
                })
            }
            None => {
                let meant_for_more = [
                    ("CARTWRIGHT_CLUSTER_ADDRESS", self.cluster_address.is_some()),
                    ("CARTWRIGHT_CLUSTER_SECRET", secret.is_some()),
                    ("CARTWRIGHT_CLUSTER_CA", tls.is_some()),
                ];
                let set = meant_for_more.into_iter().find(|(_, is_set)| *is_set);
                if let Some((name, _)) = set {
                    return Err(InvalidSettings::ClusterListenNeeded(name));
                }
                None
            }
        };
        Ok(ClusterSettings {
            name: self.node_name,
            detection: self.cluster_detection,
            reached,
        })
    }
}
