//! The process: command line, signals, exit codes.

use super::data::{Data, OpenError, open_to_serve};
use super::generate::generate;
use super::health::health;
use super::import::import;
use super::migrate::migrate;
use super::nodes::name_of_this_process;
use super::server::{Listeners, Server, StartError};
use super::signals::Signals;
use crate::auth::password::{self, Hasher};
use crate::auth::secret::Secret;
use crate::config::{self, Command, InvalidSettings, Settings, StoreSettings};
use crate::http::server::Drained;
use crate::sources::{Sources, SystemEntropy};
use crate::telemetry::traces::Traces;
use crate::telemetry::{self, TelemetryError};
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::time::Instant;

/// The secret's file beside the embedded data.
const SECRET_FILE: &str = "jwt-secret";

/// Why a command failed; one line each.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Secret(#[from] crate::auth::SecretFileError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("passwords cannot be hashed: {0}")]
    Hasher(#[from] password::Error),
    #[error(transparent)]
    Import(#[from] super::import::Error),
    #[error(transparent)]
    Migrate(#[from] super::migrate::Error),
    #[error("the catalogue cannot be written: {0}")]
    Generate(#[source] std::io::Error),
    #[error(transparent)]
    Health(#[from] super::health::Error),
    #[error("ended by a signal before it was done")]
    Signal,
    #[error("the runtime failed: {0}")]
    Runtime(#[from] std::io::Error),
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let variables = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let command = match config::parse(std::env::args_os(), variables) {
        Ok(command) => command,
        Err(config::Stop::Show(text)) => {
            let _ = write!(std::io::stdout(), "{text}");
            return ExitCode::SUCCESS;
        }
        Err(config::Stop::Refuse(line)) => {
            eprintln!("cartwright: {line}");
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cartwright: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Serve(arguments) => {
            let settings = arguments.settings()?;
            serve_traced(settings)
        }
        Command::Import(arguments) => {
            telemetry::init(&arguments.log.filter, arguments.log.format, None)?;
            Runtime::new()?.block_on(unless_told_to_stop(import(*arguments)))
        }
        Command::Migrate(arguments) => {
            telemetry::init(&arguments.log.filter, arguments.log.format, None)?;
            Runtime::new()?.block_on(unless_told_to_stop(migrate(*arguments)))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Generate(arguments) => {
            generate(arguments).map_err(Error::Generate)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Health(arguments) => {
            Runtime::new()?.block_on(health(*arguments))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Serves, and then sends the traces that are left.
fn serve_traced(settings: Settings) -> Result<ExitCode, Error> {
    let runtime = Runtime::new()?;
    let traces = {
        let _entered = runtime.enter();
        let name = settings.cluster.name.clone();
        let name = name.unwrap_or_else(name_of_this_process);
        let to = |settings| Traces::to_collector(settings, &name, Arc::new(SystemEntropy));
        settings.traces.as_ref().map(to).transpose()?
    };
    let log = &settings.log;
    telemetry::init(&log.filter, log.format, traces.as_ref())?;
    let served = runtime.block_on(serve(settings));
    traces.into_iter().for_each(Traces::close);
    served
}

/// Does the work, all of which a kill cannot harm either, or ends it with the first signal.
async fn unless_told_to_stop<T, E: Into<Error>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        done = work => done.map_err(Into::into),
        () = signals.next() => Err(Error::Signal),
    }
}

/// Serves until SIGTERM or SIGINT, then drains; a second signal ends the process at once.
///
/// # Errors
/// What is wrong, in one line, before anything is served.
pub async fn serve(settings: Settings) -> Result<ExitCode, Error> {
    let begun = Instant::now();
    let mut signals = Signals::listen()?;
    let sources = Sources::system();
    let listeners = Listeners::bind(&settings).await?;
    let opening = open_to_serve(&settings.store, &sources);
    let data = match settings.store {
        StoreSettings::Embedded(_) => opening.await?,
        // Its nodes may be waited for without end.
        StoreSettings::Scylla(_) => tokio::select! {
            data = Box::pin(listeners.hold(&settings, opening)) => data?,
            () = signals.next() => return Ok(ExitCode::SUCCESS),
        },
    };
    let served = serve_on(&settings, listeners, &data, sources, signals, begun).await;
    data.close().await;
    served
}

async fn serve_on(
    settings: &Settings,
    listeners: Listeners,
    data: &Data,
    sources: Sources,
    mut signals: Signals,
    begun: Instant,
) -> Result<ExitCode, Error> {
    let secret = secret(settings, &sources)?;
    let limits = password::Limits {
        queue: settings.limits.login_queue,
        ..password::Limits::default()
    };
    let hasher = Hasher::new(limits, sources.entropy.clone())?;
    let stores = data.stores();
    let server = Server::start(settings, listeners, stores, &secret, hasher, sources).await?;
    data.report_to(server.metrics());
    let start_ms = begun.elapsed().as_millis();
    tracing::info!(start_ms, "app.started");
    println!("cartwright serves on http://{}", server.address()?);
    let drained = server
        .run(async move {
            signals.next().await;
            tracing::info!("app.draining");
            tokio::spawn(async move {
                signals.next().await;
                eprintln!("cartwright: ended at once by a second signal");
                std::process::exit(1);
            });
        })
        .await?;
    if let Drained::Cut(connections) = drained {
        tracing::warn!(connections, "app.drained.cut");
    }
    Ok(ExitCode::SUCCESS)
}

fn secret(settings: &Settings, sources: &Sources) -> Result<Secret, Error> {
    match &settings.jwt_secret {
        Some(text) => Ok(Secret::parse(text.expose()).map_err(StartError::from)?),
        None => match &settings.store {
            StoreSettings::Embedded(dir) => {
                let path = dir.join(SECRET_FILE);
                Ok(Secret::load_or_create(&path, &*sources.entropy)?)
            }
            StoreSettings::Scylla(_) => Err(InvalidSettings::SecretNeededWithKeyspace.into()),
        },
    }
}
