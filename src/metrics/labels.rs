//! Figures told apart by labels whose values are known beforehand, so that their number is bounded.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::{MetricType, TypedMetric};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// What tells figures apart, with all its values: an enum, or two of them.
pub trait Labels: Copy + Send + Sync + 'static {
    /// How many values there are.
    const COUNT: usize;

    /// The value of this index, which is below [`Self::COUNT`].
    fn at(index: usize) -> Self;

    /// Its place among the values.
    fn index(self) -> usize;

    /// Names and values, as they are shown.
    fn pairs(self) -> Vec<(&'static str, &'static str)>;
}

impl<A: Labels, B: Labels> Labels for (A, B) {
    const COUNT: usize = A::COUNT * B::COUNT;

    fn at(index: usize) -> Self {
        (A::at(index / B::COUNT), B::at(index % B::COUNT))
    }

    fn index(self) -> usize {
        self.0.index() * B::COUNT + self.1.index()
    }

    fn pairs(self) -> Vec<(&'static str, &'static str)> {
        [self.0.pairs(), self.1.pairs()].concat()
    }
}

/// Makes an enum without fields a label of this name. The variants stand in their order.
macro_rules! labels {
    ($type:ty, $name:literal, $($variant:ident => $value:literal),+ $(,)?) => {
        impl $crate::metrics::Labels for $type {
            const COUNT: usize = [$($value),+].len();

            fn at(index: usize) -> Self {
                [$(Self::$variant),+][index]
            }

            fn index(self) -> usize {
                self as usize
            }

            fn pairs(self) -> Vec<(&'static str, &'static str)> {
                vec![($name, match self { $(Self::$variant => $value),+ })]
            }
        }
    };
}
pub(crate) use labels;

/// A figure for each of some sets of labels. Clones share the figures.
#[derive(Clone)]
pub struct Table<M>(Arc<[Row<M>]>);

struct Row<M> {
    labels: Vec<(&'static str, &'static str)>,
    metric: M,
}

impl<M> Table<M> {
    /// These.
    pub fn new(rows: impl IntoIterator<Item = (Vec<(&'static str, &'static str)>, M)>) -> Self {
        let rows = rows.into_iter();
        Self(
            rows.map(|(labels, metric)| Row { labels, metric })
                .collect(),
        )
    }
}

impl<M> fmt::Debug for Table<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({})", self.0.len())
    }
}

impl<M: EncodeMetric + TypedMetric> EncodeMetric for Table<M> {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        for Row { labels, metric } in &*self.0 {
            metric.encode(encoder.encode_family(labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }
}

/// A figure for each value of `L`. Clones share the figures.
#[derive(Clone)]
pub struct By<L, M> {
    table: Table<M>,
    of: PhantomData<L>,
}

impl<L: Labels, M> By<L, M> {
    /// The figure that `make` makes, for each value.
    pub fn each(make: impl Fn(L) -> M) -> Self {
        let rows = (0..L::COUNT).map(|index| {
            let label = L::at(index);
            debug_assert_eq!(label.index(), index, "{:?}", label.pairs());
            (label.pairs(), make(label))
        });
        Self {
            table: Table::new(rows),
            of: PhantomData,
        }
    }

    /// The figure of one value.
    pub fn of(&self, label: L) -> &M {
        &self.table.0[label.index()].metric
    }
}

impl<L: Labels, M: Default> Default for By<L, M> {
    fn default() -> Self {
        Self::each(|_| M::default())
    }
}

impl<L, M> fmt::Debug for By<L, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table.fmt(f)
    }
}

impl<L: Labels, M: EncodeMetric + TypedMetric> EncodeMetric for By<L, M> {
    fn encode(&self, encoder: MetricEncoder) -> fmt::Result {
        self.table.encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }
}
