//! Where everything is kept, and how it is reached.

use super::settings::{InvalidSettings, given};
use super::values::{Redacted, StoreAddress, Switch};
use clap::Args;
use std::path::PathBuf;

/// Where everything is kept, as it was given. [`StoreArgs::settings`] judges it together.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct StoreArgs {
    /// Where everything is kept: `embedded:` and a folder, which is made when missing; or a keyspace
    /// of ScyllaDB or Cassandra and some of its nodes, `scylla://node1:9042,node2/keyspace`, which
    /// `cartwright migrate` makes
    #[arg(
        id = "store",
        long = "store",
        env = "CARTWRIGHT_STORE",
        value_name = "embedded:DIR|scylla://NODES/KEYSPACE",
        default_value = "embedded:./data"
    )]
    pub address: StoreAddress,

    /// User of the keyspace; needs the password too
    #[arg(
        id = "store_user",
        long = "store-user",
        env = "CARTWRIGHT_STORE_USER",
        value_name = "USER",
        hide_env_values = true
    )]
    pub user: Option<Redacted>,

    /// Password of the keyspace's user. Prefer the variable: other processes can see flags
    #[arg(
        id = "store_password",
        long = "store-password",
        env = "CARTWRIGHT_STORE_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true
    )]
    pub password: Option<Redacted>,

    /// File of the certificates, in PEM, that the keyspace's nodes must descend from; with it
    /// connections to them are encrypted. A node's certificate must name its IP address
    #[arg(
        id = "store_ca",
        long = "store-ca",
        env = "CARTWRIGHT_STORE_CA",
        value_name = "FILE"
    )]
    pub ca: Option<PathBuf>,

    /// File of our own certificate for the keyspace's nodes, in PEM; needs its key and their CA
    #[arg(
        id = "store_certificate",
        long = "store-certificate",
        env = "CARTWRIGHT_STORE_CERTIFICATE",
        value_name = "FILE"
    )]
    pub certificate: Option<PathBuf>,

    /// File of that certificate's key, in PEM
    #[arg(
        id = "store_key",
        long = "store-key",
        env = "CARTWRIGHT_STORE_KEY",
        value_name = "FILE"
    )]
    pub key: Option<PathBuf>,

    /// Datacentre whose nodes are asked; others only while none of these answers, and never if it
    /// has all that writes
    #[arg(
        id = "store_datacenter",
        long = "store-datacenter",
        env = "CARTWRIGHT_STORE_DATACENTER",
        value_name = "NAME"
    )]
    pub datacenter: Option<String>,

    /// Whether everything that writes to the keyspace runs in that datacentre: then a majority of
    /// its replicas decides. Otherwise it takes a majority of all: two datacentres that decided for
    /// themselves would contradict each other
    #[arg(
        id = "store_one_datacenter",
        long = "store-one-datacenter",
        env = "CARTWRIGHT_STORE_ONE_DATACENTER",
        value_name = "on|off",
        default_value = "off"
    )]
    pub one_datacenter: Switch,
}

/// Where everything is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreSettings {
    /// In a folder.
    Embedded(PathBuf),
    /// In a keyspace.
    Scylla(Box<ScyllaSettings>),
}

/// How a keyspace is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScyllaSettings {
    /// Nodes to begin with, `host:port`.
    pub contacts: Vec<String>,
    /// The keyspace.
    pub keyspace: String,
    /// User and password.
    pub credentials: Option<(Redacted, Redacted)>,
    /// The CA's certificates, with which connections are encrypted.
    pub ca: Option<PathBuf>,
    /// Our own certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The datacentre whose nodes are asked.
    pub datacenter: Option<String>,
    /// Whether nobody writes from elsewhere.
    pub one_datacenter: bool,
}

impl StoreArgs {
    /// The settings, if they go together.
    ///
    /// # Errors
    /// [`InvalidSettings`] names the first contradiction.
    pub fn settings(self) -> Result<StoreSettings, InvalidSettings> {
        let (user, password) = (given(self.user), given(self.password));
        let (contacts, keyspace) = match self.address {
            StoreAddress::Scylla { contacts, keyspace } => (contacts, keyspace),
            StoreAddress::Embedded(dir) => {
                let meant_for_a_keyspace = [
                    ("CARTWRIGHT_STORE_USER", user.is_some()),
                    ("CARTWRIGHT_STORE_PASSWORD", password.is_some()),
                    ("CARTWRIGHT_STORE_CA", self.ca.is_some()),
                    ("CARTWRIGHT_STORE_CERTIFICATE", self.certificate.is_some()),
                    ("CARTWRIGHT_STORE_KEY", self.key.is_some()),
                    ("CARTWRIGHT_STORE_DATACENTER", self.datacenter.is_some()),
                    (
                        "CARTWRIGHT_STORE_ONE_DATACENTER",
                        self.one_datacenter == Switch::On,
                    ),
                ];
                return match meant_for_a_keyspace.into_iter().find(|(_, set)| *set) {
                    Some((name, _)) => Err(InvalidSettings::OnlyForKeyspaces(name)),
                    None => Ok(StoreSettings::Embedded(dir)),
                };
            }
        };
        let credentials = both(user, password).ok_or(InvalidSettings::HalfACredential)?;
        let identity = both(self.certificate, self.key).ok_or(InvalidSettings::HalfAnIdentity)?;
        if identity.is_some() && self.ca.is_none() {
            return Err(InvalidSettings::CaNeeded);
        }
        let one_datacenter = self.one_datacenter == Switch::On;
        if one_datacenter && self.datacenter.is_none() {
            return Err(InvalidSettings::DatacenterNeeded);
        }
        Ok(StoreSettings::Scylla(Box::new(ScyllaSettings {
            contacts,
            keyspace,
            credentials,
            ca: self.ca,
            identity,
            datacenter: self.datacenter,
            one_datacenter,
        })))
    }
}

/// Both or neither; `None` for one of them.
fn both<A, B>(a: Option<A>, b: Option<B>) -> Option<Option<(A, B)>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(Some((a, b))),
        (None, None) => Some(None),
        _ => None,
    }
}
