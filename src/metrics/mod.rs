//! Figures about a running server, for Prometheus: what they are made of, and the registry that
//! shows them.
//!
//! Whoever counts has its figures as plain fields, which work without a registry, and registers
//! them where a server is put together. Every series is there from the start, as labels are enums
//! or tables: no request can make another. Must not know what is counted, nor be global: several
//! servers live in one process.

mod histogram;
mod labels;
mod process;
mod readings;

pub use histogram::Histogram;
pub(crate) use labels::labels;
pub use labels::{By, Labels, Table};
pub use prometheus_client::registry::{Metric, Unit};
pub use readings::{Reading, Tally};

use prometheus_client::encoding::text;
use prometheus_client::metrics::{counter, gauge};
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What only grows.
pub type Counter = counter::Counter;
/// What grows and falls.
pub type Gauge = gauge::Gauge;

/// The media type of what [`Metrics::render`] gives.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The figures of one server. Cheap to clone.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Mutex<Registry>>);

impl Metrics {
    /// Shows a figure under a name of its own. A counter's gets the suffix `_total`.
    pub fn register(&self, name: &'static str, help: &'static str, metric: impl Metric) {
        self.registry().register(name, help, metric);
    }

    /// As [`Self::register`]; the name gets the unit as its suffix.
    pub fn register_in(
        &self,
        unit: Unit,
        name: &'static str,
        help: &'static str,
        metric: impl Metric,
    ) {
        self.registry().register_with_unit(name, help, unit, metric);
    }

    /// Shows figures of the process that this is, and which version it runs.
    pub fn register_process(&self) {
        process::register(self);
    }

    /// All of them as they are now, as OpenMetrics text.
    ///
    /// # Errors
    /// None, as long as the figures themselves have none.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry())?;
        Ok(text)
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(..)")
    }
}

#[cfg(test)]
mod tests;
