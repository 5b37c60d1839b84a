//! TLS between nodes: each shows a certificate of the cluster's authority, and wants to see one.

use std::fmt;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity, Server, ServerTlsConfig};

/// Whom a node trusts, and who it is. A certificate names the host by which other nodes reach it.
#[derive(Clone)]
pub struct Tls {
    authority: Certificate,
    identity: Identity,
}

/// The texts are no certificates with a key.
#[derive(Debug, thiserror::Error)]
#[error(
    "the cluster's TLS files must be PEM: the authority's certificate, the node's, and its key"
)]
pub struct InvalidTls;

impl Tls {
    /// From PEM: the certificate of the authority, that of this node, and its key.
    ///
    /// # Errors
    /// [`InvalidTls`].
    pub fn from_pem(authority: &[u8], certificate: &[u8], key: &[u8]) -> Result<Self, InvalidTls> {
        let tls = Self {
            authority: Certificate::from_pem(authority),
            identity: Identity::from_pem(certificate, key),
        };
        let server = Server::builder().tls_config(tls.server());
        let client = Endpoint::from_static("https://localhost").tls_config(tls.client());
        match (server, client) {
            (Ok(_), Ok(_)) => Ok(tls),
            _ => Err(InvalidTls),
        }
    }

    pub(super) fn server(&self) -> ServerTlsConfig {
        ServerTlsConfig::new()
            .identity(self.identity.clone())
            .client_ca_root(self.authority.clone())
            .timeout(super::HANDSHAKE_TIME)
    }

    pub(super) fn client(&self) -> ClientTlsConfig {
        ClientTlsConfig::new()
            .identity(self.identity.clone())
            .ca_certificate(self.authority.clone())
            .timeout(super::HANDSHAKE_TIME)
    }
}

/// The key stays out of logs.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(..)")
    }
}
