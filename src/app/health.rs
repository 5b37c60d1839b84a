//! `cartwright health`: asks the server that listens on these addresses how it is.

use crate::config::HealthArgs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why a server is not known to be well; one line each.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{url} does not answer: {cause}")]
    NoAnswer { url: String, cause: String },
    #[error("{url} answers {status}")]
    Unwell {
        url: String,
        status: reqwest::StatusCode,
    },
}

/// Asks, and says what was answered.
///
/// # Errors
/// One line, unless the answer was 200.
pub async fn health(arguments: HealthArgs) -> Result<(), Error> {
    let path = if arguments.ready { "ready" } else { "health" };
    let url = format!(
        "http://{}/{path}",
        reachable(arguments.addresses.operations())
    );
    let status = ask(&url).await.map_err(|error| Error::NoAnswer {
        cause: cause(&error),
        url: url.clone(),
    })?;
    if status != reqwest::StatusCode::OK {
        return Err(Error::Unwell { url, status });
    }
    println!("{url} answers {status}");
    Ok(())
}

async fn ask(url: &str) -> reqwest::Result<reqwest::StatusCode> {
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    Ok(client.get(url).send().await?.status())
}

/// Where a server that listens on this address is reached from its own machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// What lies at the bottom of an error: "connection refused", not "error sending request".
fn cause(error: &reqwest::Error) -> String {
    let mut bottom: &dyn std::error::Error = error;
    while let Some(source) = bottom.source() {
        bottom = source;
    }
    bottom.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_stands_for_all_is_reached_by_loopback() {
        for (listens, reached) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.7:80", "192.0.2.7:80"),
        ] {
            let reached: SocketAddr = reached.parse().unwrap();
            assert_eq!(reachable(listens.parse().unwrap()), reached);
        }
    }
}
