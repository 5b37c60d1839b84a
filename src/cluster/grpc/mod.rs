//! Calls between nodes by gRPC: HTTP/2, a secret that all nodes know, TLS where it is configured.
//!
//! Everything is bounded, and nothing queues: what is too much is refused at once. What is told of a
//! call that was not answered is what is certain.

mod client;
mod connections;
mod secret;
mod server;
mod tls;

pub use client::{ClientLimits, GrpcTransport};
pub use secret::ClusterSecret;
pub use server::{ServeError, ServerLimits, serve};
pub use tls::{InvalidTls, Tls};

use super::transport::Kind;
use std::time::Duration;

/// What `proto/cluster.proto` says.
#[allow(missing_docs, unreachable_pub, clippy::all)]
mod proto {
    tonic::include_proto!("cartwright.cluster.v1");
}

/// The largest message, in bytes.
const MAX_MESSAGE: usize = 1 << 20;
/// How much may be on its way in one connection before the receiver has read it, in bytes.
const WINDOW: u32 = 1 << 20;
/// How long a connection may take to be made.
const CONNECT_TIME: Duration = Duration::from_secs(1);
/// How long TLS may take to agree.
const HANDSHAKE_TIME: Duration = Duration::from_secs(1);
/// The pause between two questions whether the other end of a connection is still there.
const PING_PAUSE: Duration = Duration::from_secs(2);
/// How long that may take to be answered.
const PING_TIME: Duration = Duration::from_secs(2);
/// Carries the id of the client's request.
const REQUEST_ID: &str = "x-request-id";
/// Says that the call was refused before it was read.
const REFUSED: &str = "cartwright-refused";

impl From<Kind> for proto::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::User => Self::User,
            Kind::Stock => Self::Stock,
        }
    }
}

impl TryFrom<proto::Kind> for Kind {
    type Error = ();

    fn try_from(kind: proto::Kind) -> Result<Self, ()> {
        match kind {
            proto::Kind::User => Ok(Self::User),
            proto::Kind::Stock => Ok(Self::Stock),
            proto::Kind::Unspecified => Err(()),
        }
    }
}

#[cfg(test)]
mod tests;
