//! The settings of a server, judged together.

use super::args::{Limits, LogArgs, ServeArgs, Timeouts};
use super::cluster::ClusterSettings;
use super::networks::Networks;
use super::openid::{OpenIdSettings, openid};
use super::rate_limit::{RateLimit, RateLimits};
use super::store::StoreSettings;
use super::traces::TraceSettings;
use super::values::{OpsListen, Redacted, Switch, origin};
use std::net::SocketAddr;

/// The settings of a server: each well-formed, none contradicting another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The public API's address.
    pub listen: SocketAddr,
    /// The operations' address, if they are served.
    pub ops_listen: Option<SocketAddr>,
    /// Where everything is kept.
    pub store: StoreSettings,
    /// How the keyspace is served together with others.
    pub cluster: ClusterSettings,
    /// What signs tokens, its strength not judged yet; `None`, which only an embedded store allows:
    /// a secret of its own, kept beside the data.
    pub jwt_secret: Option<Redacted>,
    /// The first administrator, to make when missing.
    pub admin: Option<FirstAdmin>,
    /// The client of the issuer to log in with, if there is one.
    pub openid: Option<OpenIdSettings>,
    /// Whether an empty embedded store gets the demo catalogue.
    pub demo_catalog: bool,
    /// Whose pages may call the API: `https://shop.example`, in small letters.
    pub cors_origins: Vec<String>,
    /// How often a client may ask; `None`: as often as it likes.
    pub rate_limit: Option<RateLimits>,
    /// The proxies that say who their clients are.
    pub trusted_proxies: Networks,
    /// What is logged.
    pub log: LogArgs,
    /// Where traces are sent, if requests are traced.
    pub traces: Option<TraceSettings>,
    /// How much of anything there may be.
    pub limits: Limits,
    /// How long anything may take.
    pub timeouts: Timeouts,
}

/// The first administrator; whether e-mail and password are allowed is not judged yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstAdmin {
    /// Who.
    pub email: Redacted,
    /// The password to begin with.
    pub password: Redacted,
}

/// Settings that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// Anybody could reach a server whose secret nobody chose.
    #[error(
        "set CARTWRIGHT_JWT_SECRET to at least 32 random bytes: without it the server may listen on \
         loopback addresses only, and {0} is none"
    )]
    SecretNeeded(SocketAddr),
    /// Each node would make one of its own.
    #[error(
        "set CARTWRIGHT_JWT_SECRET to at least 32 random bytes: with a `scylla://` store there is no \
         folder to keep one in"
    )]
    SecretNeededWithKeyspace,
    /// Half an administrator.
    #[error("set CARTWRIGHT_ADMIN_EMAIL and CARTWRIGHT_ADMIN_PASSWORD together, or neither")]
    HalfAnAdmin,
    /// A part of the client of an issuer.
    #[error(
        "set CARTWRIGHT_GOOGLE_CLIENT_ID, CARTWRIGHT_GOOGLE_CLIENT_SECRET and \
         CARTWRIGHT_GOOGLE_REDIRECT_URL together, or none of them"
    )]
    PartOfAClient,
    /// Nowhere to send people back to.
    #[error("CARTWRIGHT_GOOGLE_REDIRECT_URL must be an http or https URL without a fragment")]
    RedirectUrl,
    /// Anybody on the way could speak for the issuer.
    #[error(
        "CARTWRIGHT_OIDC_ISSUER must be an https URL without query and fragment, or an http one on \
         a loopback address"
    )]
    Issuer,
    /// Two listeners, one address.
    #[error("CARTWRIGHT_LISTEN and CARTWRIGHT_OPS_LISTEN must differ, but both are {0}")]
    SameAddress(SocketAddr),
    /// Not an origin.
    #[error(
        "CARTWRIGHT_CORS_ORIGINS must be origins such as `https://shop.example`, separated by \
         commas, but one is `{0}`"
    )]
    NotAnOrigin(String),
    /// Not a collector.
    #[error(
        "CARTWRIGHT_OTLP_ENDPOINT must be an http or https URL of a host and a port, such as \
         `http://127.0.0.1:4317`"
    )]
    OtlpEndpoint,
    /// The embedded store has no use for it.
    #[error("{0} is only for a `scylla://` store")]
    OnlyForKeyspaces(&'static str),
    /// Half of what proves who we are.
    #[error("set CARTWRIGHT_STORE_USER and CARTWRIGHT_STORE_PASSWORD together, or neither")]
    HalfACredential,
    /// Half a certificate.
    #[error("set CARTWRIGHT_STORE_CERTIFICATE and CARTWRIGHT_STORE_KEY together, or neither")]
    HalfAnIdentity,
    /// A certificate, but no encryption.
    #[error("CARTWRIGHT_STORE_CERTIFICATE needs CARTWRIGHT_STORE_CA")]
    CaNeeded,
    /// Which one?
    #[error("CARTWRIGHT_STORE_ONE_DATACENTER=on needs CARTWRIGHT_STORE_DATACENTER")]
    DatacenterNeeded,
    /// Anybody could ask the actors.
    #[error("CARTWRIGHT_CLUSTER_LISTEN needs CARTWRIGHT_CLUSTER_SECRET, at least 32 random bytes")]
    ClusterSecretNeeded,
    /// Nobody could reach it there.
    #[error(
        "CARTWRIGHT_CLUSTER_LISTEN={0} needs CARTWRIGHT_CLUSTER_ADDRESS, where others reach it"
    )]
    ClusterAddressNeeded(SocketAddr),
    /// Nobody could make use of it.
    #[error("{0} needs CARTWRIGHT_CLUSTER_LISTEN")]
    ClusterListenNeeded(&'static str),
    /// A part of what proves who we are.
    #[error(
        "set CARTWRIGHT_CLUSTER_CA, CARTWRIGHT_CLUSTER_CERTIFICATE and CARTWRIGHT_CLUSTER_KEY \
         together, or none of them"
    )]
    PartOfAClusterIdentity,
    /// A stop would cut off requests that are in time.
    #[error("CARTWRIGHT_DRAIN_TIMEOUT must be no shorter than CARTWRIGHT_REQUEST_TIMEOUT")]
    DrainTooShort,
}

impl ServeArgs {
    /// The settings, if they go together. An empty secret, e-mail or password is none.
    ///
    /// # Errors
    /// [`InvalidSettings`] names the first contradiction.
    pub fn settings(self) -> Result<Settings, InvalidSettings> {
        let ops_listen = match self.addresses.ops_listen {
            OpsListen::At(address) => Some(address),
            OpsListen::Off => None,
        };
        let jwt_secret = given(self.jwt_secret);
        refuse_same_address(self.addresses.listen, ops_listen)?;
        let store = self.store.settings()?;
        if jwt_secret.is_none() {
            if matches!(store, StoreSettings::Scylla(_)) {
                return Err(InvalidSettings::SecretNeededWithKeyspace);
            }
            refuse_public(std::iter::once(self.addresses.listen).chain(ops_listen))?;
        }
        if self.timeouts.drain < self.timeouts.request {
            return Err(InvalidSettings::DrainTooShort);
        }
        // A keyspace is somebody's production; a folder may be a first look.
        let is_embedded = matches!(store, StoreSettings::Embedded(_));
        Ok(Settings {
            listen: self.addresses.listen,
            ops_listen,
            store,
            cluster: self.cluster.settings(is_embedded)?,
            jwt_secret,
            admin: first_admin(self.admin_email, self.admin_password)?,
            openid: openid(
                self.oidc_issuer,
                self.google_client_id,
                given(self.google_client_secret),
                self.google_redirect_url,
            )?,
            demo_catalog: self.demo_catalog == Switch::On && is_embedded,
            cors_origins: origins(&self.cors_origins)?,
            rate_limit: match self.rate_limit {
                RateLimit::On(limits) => Some(limits),
                RateLimit::Off => None,
            },
            trusted_proxies: self.trusted_proxies,
            log: self.log,
            traces: self.traces.settings()?,
            limits: self.limits,
            timeouts: self.timeouts,
        })
    }
}

pub(super) fn given(text: Option<Redacted>) -> Option<Redacted> {
    text.filter(|text| !text.expose().trim().is_empty())
}

fn refuse_same_address(
    listen: SocketAddr,
    ops_listen: Option<SocketAddr>,
) -> Result<(), InvalidSettings> {
    if listen.port() != 0 && ops_listen == Some(listen) {
        Err(InvalidSettings::SameAddress(listen))
    } else {
        Ok(())
    }
}

fn refuse_public(mut addresses: impl Iterator<Item = SocketAddr>) -> Result<(), InvalidSettings> {
    let public = addresses.find(|address| !address.ip().to_canonical().is_loopback());
    public.map_or(Ok(()), |address| {
        Err(InvalidSettings::SecretNeeded(address))
    })
}

fn first_admin(
    email: Option<Redacted>,
    password: Option<Redacted>,
) -> Result<Option<FirstAdmin>, InvalidSettings> {
    match (given(email), given(password)) {
        (Some(email), Some(password)) => Ok(Some(FirstAdmin { email, password })),
        (None, None) => Ok(None),
        _ => Err(InvalidSettings::HalfAnAdmin),
    }
}

fn origins(text: &str) -> Result<Vec<String>, InvalidSettings> {
    text.split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(|text| origin(text).ok_or_else(|| InvalidSettings::NotAnOrigin(text.to_owned())))
        .collect()
}
