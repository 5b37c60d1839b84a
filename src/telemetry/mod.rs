//! What is told of the program as it runs: the log on standard error, and the traces of requests.
//!
//! Sets the process's one subscriber, when the composition root says so; libraries and tests log
//! through `tracing` and need nothing of this. Whoever takes part in a request takes along on whose
//! behalf it is (`caller`), and makes its spans by way of [`traces`].

mod base;
pub(crate) mod caller;
mod line;
mod log;
pub mod traces;

use crate::config::LogFormat;
use std::io::{self, IsTerminal};
use traces::Traces;
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Why there is no log, or no trace.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Not a filter.
    #[error(
        "CARTWRIGHT_LOG must be a level (off, error, warn, info, debug, trace) or target=level \
         pairs separated by commas, but is `{0}`"
    )]
    InvalidFilter(String),
    /// Somebody else set one.
    #[error("the log was set up already")]
    AlreadySet,
    /// The way to the collector cannot even be begun.
    #[error("CARTWRIGHT_OTLP_ENDPOINT: {0}")]
    Collector(String),
}

/// Logs to standard error what `filter` lets through, from now on and for the whole process, and
/// traces requests where there are `traces`.
///
/// # Errors
/// A filter that is none, or a second call.
pub fn init(
    filter: &str,
    format: LogFormat,
    traces: Option<&Traces>,
) -> Result<(), TelemetryError> {
    let ansi = io::stderr().is_terminal();
    subscriber(filter, format, traces, ansi, io::stderr)?
        .try_init()
        .map_err(|_| TelemetryError::AlreadySet)
}

/// What [`init`] sets, for one thread or one test: it writes to `writer`, in colours if `ansi`.
///
/// # Errors
/// A filter that is none.
pub fn subscriber<W>(
    filter: &str,
    format: LogFormat,
    traces: Option<&Traces>,
    ansi: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let wanted = log::wanted(filter, traces.is_some())?;
    let below = base::registry(&wanted);
    Ok(match traces {
        Some(traces) => log::written(below.with(traces.layer()), wanted, format, ansi, writer),
        None => log::written(below, wanted, format, ansi, writer),
    })
}
