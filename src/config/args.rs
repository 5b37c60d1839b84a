//! The flags and variables, one field each: its name, unit, default and help.

use super::cluster::ClusterArgs;
use super::networks::Networks;
use super::rate_limit::RateLimit;
use super::store::StoreArgs;
use super::traces::TraceArgs;
use super::values::{LogFormat, OnError, OpsListen, Redacted, Switch, count, duration};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The settings of `serve`, as they were given. [`ServeArgs::settings`] judges them together.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// Where it is served.
    #[command(flatten)]
    pub addresses: ListenArgs,

    /// Where everything is kept.
    #[command(flatten)]
    pub store: StoreArgs,

    /// Secret that signs tokens: at least 32 random bytes, the same on every node. When it is not
    /// set and every address is a loopback one, a secret is made once and kept beside the embedded
    /// data. Prefer the variable: other processes can see flags
    #[arg(
        long,
        env = "CARTWRIGHT_JWT_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    pub jwt_secret: Option<Redacted>,

    /// E-mail of the first administrator, made when missing; needs the password too
    #[arg(
        long,
        env = "CARTWRIGHT_ADMIN_EMAIL",
        value_name = "EMAIL",
        hide_env_values = true
    )]
    pub admin_email: Option<Redacted>,

    /// Password of the first administrator, 8 to 128 characters. Prefer the variable
    #[arg(
        long,
        env = "CARTWRIGHT_ADMIN_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true
    )]
    pub admin_password: Option<Redacted>,

    /// Client id for login with Google; needs the secret and the redirect URL too
    #[arg(long, env = "CARTWRIGHT_GOOGLE_CLIENT_ID", value_name = "ID")]
    pub google_client_id: Option<String>,

    /// Secret of that client. Prefer the variable: other processes can see flags
    #[arg(
        long,
        env = "CARTWRIGHT_GOOGLE_CLIENT_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    pub google_client_secret: Option<Redacted>,

    /// Where the issuer sends people back to: an http or https URL that is registered with it
    #[arg(long, env = "CARTWRIGHT_GOOGLE_REDIRECT_URL", value_name = "URL")]
    pub google_redirect_url: Option<String>,

    /// Issuer in place of Google, as its ID tokens name it: an OpenID provider with discovery; https,
    /// or http on a loopback address
    #[arg(
        long,
        env = "CARTWRIGHT_OIDC_ISSUER",
        value_name = "URL",
        default_value = "https://accounts.google.com"
    )]
    pub oidc_issuer: String,

    /// Load the demo catalogue into an empty embedded store
    #[arg(
        long,
        env = "CARTWRIGHT_DEMO_CATALOG",
        value_name = "on|off",
        default_value = "on"
    )]
    pub demo_catalog: Switch,

    /// Origins whose pages may call the API (`https://shop.example`), separated by commas; empty
    /// for none
    #[arg(
        long,
        env = "CARTWRIGHT_CORS_ORIGINS",
        value_name = "ORIGINS",
        default_value = ""
    )]
    pub cors_origins: String,

    /// How often a client may ask, beyond which it is answered 429; each node counts for itself.
    /// `on` is credentials=30/m:60,refresh=120/m:240,anonymous=100/s:200,user=50/s:100: registrations
    /// and logins of an address, its refreshes, its other requests without a valid token, and
    /// requests of a user with one. A list changes those it names: a count, `/s`, `/m` or `/h`, and
    /// after a colon how many may come at once. Addresses of IPv6 are one by /64
    #[arg(
        long,
        env = "CARTWRIGHT_RATE_LIMIT",
        value_name = "on|off|LIMITS",
        default_value = "on"
    )]
    pub rate_limit: RateLimit,

    /// Addresses and networks of the proxies in front (`10.0.0.0/8,192.0.2.7`), whose
    /// X-Forwarded-For says who the client is; it counts for nothing from others. Behind a proxy
    /// that is not named here, all its clients are limited as one. To those that are, answers name
    /// the node that has the user, as Cartwright-Node
    #[arg(
        long,
        env = "CARTWRIGHT_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        default_value = ""
    )]
    pub trusted_proxies: Networks,

    /// What is logged.
    #[command(flatten)]
    pub log: LogArgs,

    /// What is traced.
    #[command(flatten)]
    pub traces: TraceArgs,

    /// How nodes serve one keyspace together.
    #[command(flatten)]
    pub cluster: ClusterArgs,

    /// How much of anything there may be.
    #[command(flatten)]
    pub limits: Limits,

    /// How long anything may take.
    #[command(flatten)]
    pub timeouts: Timeouts,
}

/// The addresses of a server.
#[derive(Clone, Copy, Debug, Args)]
pub struct ListenArgs {
    /// Address of the public API; port 0 takes a free one
    #[arg(
        long,
        env = "CARTWRIGHT_LISTEN",
        value_name = "IP:PORT",
        default_value = "127.0.0.1:8080"
    )]
    pub listen: SocketAddr,

    /// Address of a second listener, for operations: it answers until the end, while the first
    /// drains; or `off` for none
    #[arg(
        long,
        env = "CARTWRIGHT_OPS_LISTEN",
        value_name = "IP:PORT|off",
        default_value = "127.0.0.1:9100"
    )]
    pub ops_listen: OpsListen,
}

impl ListenArgs {
    /// Where operations are served: on their own address, else on that of the API.
    #[must_use]
    pub fn operations(&self) -> SocketAddr {
        match self.ops_listen {
            OpsListen::At(address) => address,
            OpsListen::Off => self.listen,
        }
    }
}

/// The settings of `health`.
#[derive(Clone, Copy, Debug, Args)]
pub struct HealthArgs {
    /// Ask whether it should get traffic (`/ready`), not whether it lives (`/health`)
    #[arg(long)]
    pub ready: bool,

    /// Where it is served.
    #[command(flatten)]
    pub addresses: ListenArgs,
}

/// The settings of `import`.
#[derive(Clone, Debug, Args)]
pub struct ImportArgs {
    /// Files to import, in this order
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Currency of the prices of a Shopify file, which names none: an ISO 4217 code (`EUR`)
    #[arg(long, value_name = "CODE")]
    pub currency: Option<String>,

    /// Where to import to.
    #[command(flatten)]
    pub store: StoreArgs,

    /// What to do about a record that cannot be taken, once it was named
    #[arg(long, value_name = "continue|stop", default_value = "continue")]
    pub on_error: OnError,

    /// What is logged.
    #[command(flatten)]
    pub log: LogArgs,
}

/// The settings of `generate`.
#[derive(Clone, Copy, Debug, Args)]
pub struct GenerateArgs {
    /// How many products; categories and brands in proportion
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub products: u64,

    /// What everything follows from: the same number makes the same catalogue
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
}

/// The settings of `migrate`.
#[derive(Clone, Debug, Args)]
pub struct MigrateArgs {
    /// The keyspace.
    #[command(flatten)]
    pub store: StoreArgs,

    /// How many replicas a keyspace that is made has, in the datacentre that is named, or in each
    #[arg(
        long = "store-replication",
        env = "CARTWRIGHT_STORE_REPLICATION",
        value_name = "REPLICAS",
        default_value = "3",
        value_parser = clap::value_parser!(u32).range(1..=9)
    )]
    pub replication: u32,

    /// What is logged.
    #[command(flatten)]
    pub log: LogArgs,
}

/// What is logged, and in which form.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct LogArgs {
    /// What is logged: a level (off, error, warn, info, debug, trace), or `target=level` pairs,
    /// separated by commas
    #[arg(
        id = "log",
        long = "log",
        env = "CARTWRIGHT_LOG",
        value_name = "FILTER",
        default_value = "info"
    )]
    pub filter: String,

    /// Form of the log on standard error: `json` for machines
    #[arg(
        id = "log_format",
        long = "log-format",
        env = "CARTWRIGHT_LOG_FORMAT",
        value_name = "text|json",
        default_value = "text"
    )]
    pub format: LogFormat,
}

/// How much of anything there may be: each from 1 to 10 million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Open connections; more wait to be accepted
    #[arg(
        long,
        env = "CARTWRIGHT_MAX_CONNECTIONS",
        value_name = "CONNECTIONS",
        default_value = "4096",
        value_parser = count
    )]
    pub max_connections: usize,

    /// Requests worked on at once; more are answered 503
    #[arg(
        long,
        env = "CARTWRIGHT_MAX_IN_FLIGHT",
        value_name = "REQUESTS",
        default_value = "1024",
        value_parser = count
    )]
    pub max_in_flight: usize,

    /// Commands of one user waiting at once; more are answered 429
    #[arg(
        long,
        env = "CARTWRIGHT_USER_QUEUE",
        value_name = "COMMANDS",
        default_value = "128",
        value_parser = count
    )]
    pub user_queue: usize,

    /// Users kept in memory; beyond, the least recently used leave it
    #[arg(
        long,
        env = "CARTWRIGHT_MAX_RESIDENTS",
        value_name = "USERS",
        default_value = "100000",
        value_parser = count
    )]
    pub max_residents: usize,

    /// Logins and registrations waiting for a core to hash on; more are answered 503
    #[arg(
        long,
        env = "CARTWRIGHT_LOGIN_QUEUE",
        value_name = "LOGINS",
        default_value = "64",
        value_parser = count
    )]
    pub login_queue: usize,
}

/// How long anything may take: each from 1 ms to 1 h, with its unit (`500ms`, `5s`, `2m`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
#[command(next_help_heading = "Time-outs (with a unit: 500ms, 5s, 2m)")]
pub struct Timeouts {
    /// From a request's last byte to its answer, which else is 503
    #[arg(
        id = "request_timeout",
        long = "request-timeout",
        env = "CARTWRIGHT_REQUEST_TIMEOUT",
        value_name = "TIME",
        default_value = "5s",
        value_parser = duration
    )]
    pub request: Duration,

    /// For a request that waits to be read because many do; beyond, it is answered 503, and new
    /// connections are refused from an eighth of it on
    #[arg(
        id = "queue_timeout",
        long = "queue-timeout",
        env = "CARTWRIGHT_QUEUE_TIMEOUT",
        value_name = "TIME",
        default_value = "200ms",
        value_parser = duration
    )]
    pub queue: Duration,

    /// For the whole head of a request, also the wait for the next one on a connection
    #[arg(
        id = "header_timeout",
        long = "header-timeout",
        env = "CARTWRIGHT_HEADER_TIMEOUT",
        value_name = "TIME",
        default_value = "10s",
        value_parser = duration
    )]
    pub header: Duration,

    /// For the whole body of a request
    #[arg(
        id = "body_timeout",
        long = "body-timeout",
        env = "CARTWRIGHT_BODY_TIMEOUT",
        value_name = "TIME",
        default_value = "10s",
        value_parser = duration
    )]
    pub body: Duration,

    /// For answers under way once the process was told to stop; no shorter than a request's
    #[arg(
        id = "drain_timeout",
        long = "drain-timeout",
        env = "CARTWRIGHT_DRAIN_TIMEOUT",
        value_name = "TIME",
        default_value = "25s",
        value_parser = duration
    )]
    pub drain: Duration,
}
