//! Calls between nodes by gRPC: HTTP/2, a secret that all nodes know, TLS where it is configured.
//!
//! The calls from one node to another share a stream, so that each costs a message each way and no
//! more. Everything is bounded, and nothing queues: what is too much is refused at once. What is told
//! of a call that was not answered is what is certain.

mod client;
mod connections;
mod link;
mod message;
mod secret;
mod server;
mod tls;

pub use client::{ClientLimits, GrpcTransport};
pub use secret::ClusterSecret;
pub use server::{ServeError, ServerLimits, serve};
pub use tls::{InvalidTls, Tls};

use super::transport::Kind;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint, Error};

/// What `proto/cluster.proto` says.
#[allow(missing_docs, unreachable_pub, clippy::all)]
mod proto {
    tonic::include_proto!("cartwright.cluster.v1");
}

/// The largest call or answer, in bytes.
const MAX_MESSAGE: usize = 1 << 20;
/// The largest message in a stream: such a call or answer, and its number.
const WIRE_MESSAGE: usize = MAX_MESSAGE + 64;
/// How much may be on its way in one connection before the receiver has read it, in bytes.
const WINDOW: u32 = 1 << 20;
/// How long a connection may take to be made.
const CONNECT_TIME: Duration = Duration::from_secs(1);
/// How long a stream may take to be opened, connection and all.
const OPEN_TIME: Duration = Duration::from_secs(2);
/// How long TLS may take to agree.
const HANDSHAKE_TIME: Duration = Duration::from_secs(1);
/// The pause between two questions whether the other end of a connection is still there.
const PING_PAUSE: Duration = Duration::from_secs(2);
/// How long that may take to be answered.
const PING_TIME: Duration = Duration::from_secs(2);
/// The way to the node at an address, which is connected when it is first used.
///
/// # Errors
/// An address that is none.
fn channel(address: &str, tls: Option<&Tls>) -> Result<Channel, Error> {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))?;
    let endpoint = match tls {
        Some(tls) => endpoint.tls_config(tls.client())?,
        None => endpoint,
    };
    Ok(endpoint
        .connect_timeout(CONNECT_TIME)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING_PAUSE)
        .keep_alive_timeout(PING_TIME)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .connect_lazy())
}

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
