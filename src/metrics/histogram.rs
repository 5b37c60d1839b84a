//! How often something took so long, or was so large. Without a lock: two additions for each.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds, in nanoseconds: from what memory answers to what nobody waits for any longer.
const TIMES: &[u64] = &[
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];
/// Upper bounds of how many are done at once.
const SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];

/// Counts observations by their size. Clones share the counts.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Ascending; what is above the last has a bucket of its own.
    bounds: &'static [u64],
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
    /// What is shown as 1.
    one: f64,
}

impl Histogram {
    /// Of times, shown in seconds.
    #[must_use]
    pub fn of_times() -> Self {
        Self::new(TIMES, 1e9)
    }

    /// Of numbers of things that are done at once.
    #[must_use]
    pub fn of_sizes() -> Self {
        Self::new(SIZES, 1.0)
    }

    fn new(bounds: &'static [u64], one: f64) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0));
        Self(Arc::new(Inner {
            bounds,
            buckets: buckets.collect(),
            sum: AtomicU64::new(0),
            one,
        }))
    }

    /// Something took so long.
    pub fn took(&self, time: Duration) {
        self.add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// So many were done at once.
    pub fn held(&self, number: usize) {
        self.add(u64::try_from(number).unwrap_or(u64::MAX));
    }

    fn add(&self, value: u64) {
        let Inner {
            bounds,
            buckets,
            sum,
            ..
        } = &*self.0;
        let bucket = bounds.partition_point(|bound| *bound < value);
        buckets[bucket].fetch_add(1, Ordering::Relaxed);
        sum.fetch_add(value, Ordering::Relaxed);
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    #[expect(
        clippy::cast_precision_loss,
        reason = "beyond 2^53 ns, which is 104 days in all, the last digits do not matter"
    )]
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        let inner = &*self.0;
        let bounds = inner.bounds.iter().map(|bound| *bound as f64 / inner.one);
        let counts = inner.buckets.iter().map(|it| it.load(Ordering::Relaxed));
        let buckets: Vec<_> = bounds.chain([f64::INFINITY]).zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = inner.sum.load(Ordering::Relaxed) as f64 / inner.one;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}
