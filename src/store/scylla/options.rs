//! How a keyspace is reached.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How a keyspace is reached.
#[derive(Clone)]
pub struct Options {
    /// Nodes to begin with, `host:port`; one that answers is enough.
    pub contacts: Vec<String>,
    /// The keyspace: small letters, digits and underscores.
    pub keyspace: String,
    /// User and password, where the server asks for them.
    pub credentials: Option<(String, String)>,
    /// Whether connections are encrypted, and whom to trust.
    pub tls: Option<Tls>,
    /// The datacentre whose nodes are asked; `None`: any.
    pub datacenter: Option<String>,
    /// From where the keyspace is written.
    pub writers: Writers,
    /// For how long a write of the catalogue that stands announced, and does not end, is left to
    /// whoever began it: longer than any of its statements may take effect.
    pub unfinished: Duration,
}

/// What [`Options::unfinished`] should be, unless a test is in a hurry.
pub const UNFINISHED: Duration = Duration::from_secs(15);

/// Encryption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificates that servers must descend from, in PEM.
    pub ca: PathBuf,
    /// Our own certificate and its key, in PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// From where a keyspace is written, which says whose votes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writers {
    /// From anywhere: a majority of all replicas (SERIAL, QUORUM).
    Everywhere,
    /// From one datacentre only: a majority of its replicas (LOCAL_SERIAL, LOCAL_QUORUM).
    OneDatacenter,
}

/// How often a keyspace that is made keeps its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replication {
    /// Replicas in the datacentre of the [`Options`], or in each, where none is named.
    pub factor: u32,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("contacts", &self.contacts)
            .field("keyspace", &self.keyspace)
            .field("datacenter", &self.datacenter)
            .field("writers", &self.writers)
            .finish_non_exhaustive()
    }
}
