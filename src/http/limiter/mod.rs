//! How often a client may ask. Counts requests, by class, of an address or of a user; knows
//! neither what is asked for nor how a refusal looks.

mod forwarded;
mod table;

use crate::config::{Networks, RateLimits};
use crate::domain::ids::UserId;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use table::Table;
use warp::http::HeaderMap;

/// How many clients of a class have a count of their own; at most some 6 MB in a class.
const MAX_CLIENTS: usize = 100_000;
/// How often room is made for newcomers.
pub const SWEEP_PAUSE: Duration = Duration::from_secs(1);

/// What a request counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It is not counted.
    Uncounted,
    /// A registration or login, of its address.
    Credentials,
    /// A refresh, of its address.
    Refresh,
    /// One that names no user, of its address.
    Anonymous,
    /// One of the user whose valid token it has; one without counts as anonymous.
    User,
}

/// Whoever asked has asked too often, and may ask again after so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LimitReached {
    pub(super) retry_after: u16,
}

/// The limits and who they are for. Each node counts for itself.
pub struct Limiter {
    tables: Option<Tables>,
    trusted_proxies: Networks,
    has_warned: AtomicBool,
}

struct Tables {
    credentials: Table<Network>,
    refresh: Table<Network>,
    anonymous: Table<Network>,
    user: Table<UserId>,
}

/// What addresses count as one client: of IPv6 a customer gets a network, a /64 or larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    V4(Ipv4Addr),
    /// Its first 64 bits.
    V6([u8; 8]),
}

impl Network {
    fn of(client: IpAddr) -> Self {
        match client.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

impl Limiter {
    /// These limits, or none.
    #[must_use]
    pub fn new(limits: Option<&RateLimits>, trusted_proxies: Networks) -> Self {
        Self {
            tables: limits.map(|limits| Tables {
                credentials: Table::new("credentials", limits.credentials, MAX_CLIENTS),
                refresh: Table::new("refresh", limits.refresh, MAX_CLIENTS),
                anonymous: Table::new("anonymous", limits.anonymous, MAX_CLIENTS),
                user: Table::new("user", limits.user, MAX_CLIENTS),
            }),
            trusted_proxies,
            has_warned: AtomicBool::new(false),
        }
    }

    /// Who asks, over a connection from `peer`.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let trusted = &self.trusted_proxies;
        if self.tables.is_some()
            && forwarded::is_unheard(peer, headers, trusted)
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                %peer,
                "http.forwarded.untrusted: X-Forwarded-For came from an address that is not in \
                 CARTWRIGHT_TRUSTED_PROXIES; if it is a proxy, all its clients are limited as one"
            );
        }
        forwarded::client(peer, headers, trusted)
    }

    /// Whether `peer` is one of the trusted proxies.
    pub(super) fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.contains(peer)
    }

    /// Counts a request of an address. One of a user is not counted here.
    ///
    /// # Errors
    /// It is one too many.
    pub(super) fn count_address(&self, class: Class, client: IpAddr) -> Result<(), LimitReached> {
        let Some(tables) = &self.tables else {
            return Ok(());
        };
        let table = match class {
            Class::Uncounted | Class::User => return Ok(()),
            Class::Credentials => &tables.credentials,
            Class::Refresh => &tables.refresh,
            Class::Anonymous => &tables.anonymous,
        };
        table.count(&Network::of(client)).map_err(come_again)
    }

    /// Counts a request of a user.
    ///
    /// # Errors
    /// It is one too many.
    pub(super) fn count_user(&self, user: UserId) -> Result<(), LimitReached> {
        match &self.tables {
            Some(tables) => tables.user.count(&user).map_err(come_again),
            None => Ok(()),
        }
    }

    /// Forgets clients that paused for long enough. To be done every [`SWEEP_PAUSE`].
    pub fn sweep(&self) {
        if let Some(tables) = &self.tables {
            for table in [&tables.credentials, &tables.refresh, &tables.anonymous] {
                table.sweep();
            }
            tables.user.sweep();
        }
    }
}

/// In whole seconds, rounded up: who comes then is not refused again.
fn come_again(wait: Duration) -> LimitReached {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    LimitReached {
        retry_after: u16::try_from(seconds.max(1)).unwrap_or(u16::MAX),
    }
}

#[cfg(test)]
mod tests;
