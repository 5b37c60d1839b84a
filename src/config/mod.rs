//! The command line and the environment: what may be set, its defaults, and what contradicts what.
//!
//! Parses and judges texts; opens nothing, resolves nothing, starts nothing. Every setting of
//! `serve` is a flag, `--user-queue`, and an environment variable of the same name,
//! `CARTWRIGHT_USER_QUEUE`; the flag wins. Secrets stay [`Redacted`] texts here.

mod args;
mod cluster;
mod networks;
mod openid;
mod rate_limit;
mod settings;
mod store;
mod traces;
mod values;

pub use args::{
    GenerateArgs, HealthArgs, ImportArgs, Limits, ListenArgs, LogArgs, MigrateArgs, ServeArgs,
    Timeouts,
};
pub use cluster::{ClusterArgs, ClusterSettings, ReachedSettings};
pub use networks::{InvalidNetworks, Networks};
pub use openid::OpenIdSettings;
pub use rate_limit::{InvalidRateLimit, Period, Rate, RateLimit, RateLimits};
pub use settings::{FirstAdmin, InvalidSettings, Settings};
pub use store::{ScyllaSettings, StoreArgs, StoreSettings};
pub use traces::{Share, TraceArgs, TraceSettings};
pub use values::{LogFormat, OnError, OpsListen, Redacted, StoreAddress, Switch};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use std::collections::BTreeSet;
use std::ffi::OsString;

const PREFIX: &str = "CARTWRIGHT_";

/// The command line. Without a command it serves.
#[derive(Debug, Parser)]
#[command(
    name = "cartwright",
    version,
    about = "Commerce back end: catalogue, cart, orders and accounts over REST",
    after_help = "Without a command, cartwright serves.",
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

/// What the process is to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API until told to stop (SIGTERM, SIGINT)
    Serve(Box<ServeArgs>),
    /// Import a catalogue: Shopify product CSV, or NDJSON (one record a line, with a `type`)
    Import(Box<ImportArgs>),
    /// Make the keyspace of a `scylla://` store where it is missing, and bring it up to date
    Migrate(Box<MigrateArgs>),
    /// Write an invented catalogue of any size as NDJSON to standard output: for tests and
    /// measurements
    Generate(GenerateArgs),
    /// Ask the server with the same addresses how it is; the exit code is 0 if it answers 200
    Health(Box<HealthArgs>),
}

/// Why there is nothing to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The help or the version was asked for: for standard output, and exit code 0.
    Show(String),
    /// What is wrong, on one line: for standard error, and another exit code.
    Refuse(String),
}

/// The command that `args` ask for (the first is the program's name). Settings that `args` lack
/// come from the environment. `variables` are the names of all environment variables.
///
/// # Errors
/// [`Stop`] for help, and for arguments or variables that are unknown or ill-formed.
pub fn parse(
    args: impl IntoIterator<Item = OsString>,
    variables: impl Iterator<Item = String>,
) -> Result<Command, Stop> {
    let cli = Cli::try_parse_from(args).map_err(|error| stop(&error))?;
    let unknown = unknown_variables(variables);
    if unknown.is_empty() {
        Ok(cli.into_command())
    } else {
        let names = unknown.join(", ");
        Err(Stop::Refuse(format!(
            "unknown environment variable {names}; `cartwright --help` lists those there are"
        )))
    }
}

impl Cli {
    /// The command, serving if none was named.
    #[must_use]
    pub fn into_command(self) -> Command {
        self.command
            .unwrap_or_else(|| Command::Serve(Box::new(self.serve)))
    }
}

fn stop(error: &clap::Error) -> Stop {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Stop::Show(text),
        // Beyond the first paragraph there are only hints.
        _ => {
            let lines = text.lines().map(str::trim);
            let said: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
            let said = said.join(" ");
            Stop::Refuse(said.strip_prefix("error: ").unwrap_or(&said).to_owned())
        }
    }
}

/// Those of `variables` (names) that begin with `CARTWRIGHT_` and are no setting, sorted: most
/// likely misspelt. The ones that Kubernetes adds for services so named are not counted.
#[must_use]
pub fn unknown_variables(variables: impl Iterator<Item = String>) -> Vec<String> {
    let ours: BTreeSet<String> = variables.filter(|name| name.starts_with(PREFIX)).collect();
    let services: Vec<&str> = ours
        .iter()
        .filter_map(|name| name.strip_suffix("_SERVICE_HOST"))
        .collect();
    let of_a_service = |name: &str| {
        services.iter().any(|service| {
            name.strip_prefix(service)
                .is_some_and(|rest| rest.starts_with("_SERVICE_") || rest.starts_with("_PORT"))
        })
    };
    let known = known_variables();
    ours.iter()
        .filter(|name| !known.contains(*name) && !of_a_service(name))
        .cloned()
        .collect()
}

fn known_variables() -> BTreeSet<String> {
    let root = Cli::command();
    std::iter::once(&root)
        .chain(root.get_subcommands())
        .flat_map(clap::Command::get_arguments)
        .filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests;
