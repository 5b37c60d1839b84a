//! Figures that somebody else has, read when they are shown.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};
use std::fmt;

/// What grows and falls, as it is when it is shown.
pub struct Reading(Box<dyn Fn() -> f64 + Send + Sync>);

/// What only grows, as it is when it is shown.
pub struct Tally(Box<dyn Fn() -> f64 + Send + Sync>);

impl Reading {
    /// What `read` tells, at once and without waiting.
    pub fn new(read: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self(Box::new(read))
    }

    /// A number of things.
    #[expect(
        clippy::cast_precision_loss,
        reason = "of so many things nobody counts the last ones"
    )]
    pub fn number(read: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        Self::new(move || read() as f64)
    }
}

impl Tally {
    /// What `read` tells, at once and without waiting.
    pub fn new(read: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self(Box::new(read))
    }

    /// A number of things.
    #[expect(
        clippy::cast_precision_loss,
        reason = "of so many things nobody counts the last ones"
    )]
    pub fn number(read: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self::new(move || read() as f64)
    }
}

impl TypedMetric for Reading {
    const TYPE: MetricType = MetricType::Gauge;
}

impl TypedMetric for Tally {
    const TYPE: MetricType = MetricType::Counter;
}

impl EncodeMetric for Reading {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        encoder.encode_gauge(&(self.0)())
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl EncodeMetric for Tally {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        encoder.encode_counter::<NoLabelSet, _, u64>(&(self.0)(), None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reading(..)")
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tally(..)")
    }
}
