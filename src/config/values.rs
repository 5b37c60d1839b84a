//! The kinds of values that a setting can have, and how each is written.

use clap::ValueEnum;
use std::fmt;
use std::net::{AddrParseError, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

const MAX_COUNT: usize = 10_000_000;
const MAX_DURATION: Duration = Duration::from_secs(3_600);

/// A text that is never shown: a secret, or what names a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted(String);

impl Redacted {
    /// The text, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Redacted {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redacted(..)")
    }
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// What an import does about a record that it cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnError {
    /// Go on with the next record.
    Continue,
    /// End there.
    Stop,
}

/// Where operations are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpsListen {
    /// On this address.
    At(SocketAddr),
    /// Nowhere.
    Off,
}

impl FromStr for OpsListen {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            address => address.parse().map(Self::At),
        }
    }
}

/// The store to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAddress {
    /// One in this process, with its data in this folder.
    Embedded(PathBuf),
    /// A keyspace of ScyllaDB or Cassandra.
    Scylla {
        /// Nodes to begin with, `host:port`.
        contacts: Vec<String>,
        /// The keyspace.
        keyspace: String,
    },
}

const CQL_PORT: u16 = 9042;

impl FromStr for StoreAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(rest) = text.strip_prefix("scylla://") {
            return scylla(rest).ok_or(
                "must be nodes and a keyspace of at most 48 small letters, digits and underscores, \
                 `scylla://node1:9042,node2/keyspace`",
            );
        }
        match text.split_once(':') {
            Some(("embedded", folder)) if !folder.is_empty() => Ok(Self::Embedded(folder.into())),
            _ => Err(
                "must be `embedded:` and a folder, `embedded:./data`, or nodes and a \
                      keyspace, `scylla://node1:9042,node2/keyspace`",
            ),
        }
    }
}

/// What stands behind `scylla://`.
fn scylla(text: &str) -> Option<StoreAddress> {
    let (nodes, keyspace) = text.split_once('/')?;
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let begins_right = keyspace.starts_with(|c: char| c.is_ascii_lowercase());
    if !begins_right || keyspace.len() > 48 || !keyspace.chars().all(is_allowed) {
        return None;
    }
    let contact = |node: &str| {
        let (host, port) = host_and_port(node)?;
        Some(format!("{host}:{}", port.unwrap_or(CQL_PORT)))
    };
    Some(StoreAddress::Scylla {
        contacts: nodes.split(',').map(contact).collect::<Option<_>>()?,
        keyspace: keyspace.to_owned(),
    })
}

/// A whole number from 1 to 10 million.
pub(super) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=MAX_COUNT) => Ok(count),
        _ => Err(format!("must be a whole number from 1 to {MAX_COUNT}")),
    }
}

/// A length of time from 1 ms to 1 h: a whole number and its unit.
pub(super) fn duration(text: &str) -> Result<Duration, &'static str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let milliseconds: Option<u64> = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        _ => None,
    };
    milliseconds
        .zip(number.parse().ok())
        .and_then(|(unit, number): (u64, u64)| unit.checked_mul(number))
        .map(Duration::from_millis)
        .filter(|length| !length.is_zero() && *length <= MAX_DURATION)
        .ok_or("must be a time from `1ms` to `60m` with its unit, such as `500ms`, `5s` or `2m`")
}

/// The origin that `text` names, in small letters: scheme, host and port, nothing else.
pub(super) fn origin(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let authority = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))?;
    host_and_port(authority).is_some().then_some(text)
}

/// `host`, `host:port`, `[address]` or `[address]:port`.
fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
        _ => (authority, None),
    };
    let named = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let is_host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(named),
    };
    is_host.then_some((host, port))
}
