//! How a row is measured: baseline and subject in turns, so that both meet the same moods of the
//! machine, one ratio a round, and the median of them with its spread.

use crate::Failure;
use async_trait::async_trait;
use std::fmt::Write;
use std::time::Duration;
use tokio::time::Instant;

/// What is compared.
#[async_trait]
pub(crate) trait Row {
    /// What, how many clients, and against what.
    fn name(&self) -> &'static str;

    /// The ratio that the design is worth it from.
    fn target(&self) -> f64;

    /// Does without what is measured until `end`; returns how often it did it.
    async fn baseline(&self, end: Instant) -> Result<u64, Failure>;

    /// Does the same with what is measured.
    async fn subject(&self, end: Instant) -> Result<u64, Failure>;

    /// Ends what it works with.
    async fn close(&self);
}

/// How long, and how often.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: u64,
    /// Of one measurement.
    pub(crate) time: Duration,
}

/// A median, and between what it is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

/// What a row came to.
pub(crate) struct Measured {
    name: &'static str,
    target: f64,
    /// Per second.
    baseline: Spread,
    /// Per second.
    subject: Spread,
    ratio: Spread,
}

impl Measured {
    /// Whether its ratio is below its target.
    pub(crate) fn misses(&self) -> bool {
        self.ratio.median < self.target
    }
}

/// Measures a row, after one round that does not count.
pub(crate) async fn measure(row: &dyn Row, effort: Effort) -> Result<Measured, Failure> {
    let (mut baselines, mut subjects, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=effort.rounds {
        let baseline = rate(row.baseline(Instant::now() + effort.time)).await?;
        let subject = rate(row.subject(Instant::now() + effort.time)).await?;
        if round > 0 {
            eprintln!("  {round}: {baseline:.0}/s, {subject:.0}/s");
            baselines.push(baseline);
            subjects.push(subject);
            ratios.push(subject / baseline);
        }
    }
    Ok(Measured {
        name: row.name(),
        target: row.target(),
        baseline: spread(baselines),
        subject: spread(subjects),
        ratio: spread(ratios),
    })
}

/// How often a second.
async fn rate(counted: impl Future<Output = Result<u64, Failure>>) -> Result<f64, Failure> {
    let started = Instant::now();
    let count = u32::try_from(counted.await?)?;
    if count == 0 {
        return Err("nothing was done in the time: give it more seconds".into());
    }
    Ok(f64::from(count) / started.elapsed().as_secs_f64())
}

/// `values` must not be empty.
fn spread(mut values: Vec<f64>) -> Spread {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    };
    Spread {
        median,
        min: values[0],
        max: values[values.len() - 1],
    }
}

/// Markdown, a line for each row.
pub(crate) fn table(rows: &[Measured]) -> String {
    let mut text = String::from(
        "| measurement | baseline/s | subject/s | ratio (min..max) | target |\n|---|---|---|---|---|\n",
    );
    for row in rows {
        let verdict = if row.misses() { "missed" } else { "met" };
        let Spread { median, min, max } = row.ratio;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.0} | {median:.1} ({min:.1}..{max:.1}) | {:.0}: {verdict} |",
            row.name, row.baseline.median, row.subject.median, row.target
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_one_or_between_two() {
        let of = |values: &[f64]| spread(values.to_vec());
        assert_eq!(
            of(&[3.0, 1.0, 2.0]),
            Spread {
                median: 2.0,
                min: 1.0,
                max: 3.0
            }
        );
        assert_eq!(
            of(&[4.0, 1.0, 2.0, 3.0]),
            Spread {
                median: 2.5,
                min: 1.0,
                max: 4.0
            }
        );
    }
}
