//! How a row is measured: baseline and subject in many short turns, so that both meet the same moods
//! of the machine, one ratio a round, and the median of them with its spread.

use crate::Failure;
use async_trait::async_trait;
use std::fmt::{self, Write};
use std::time::Duration;
use tokio::time::Instant;

/// One turn of baseline or subject: shorter than most moods, and long beside what it takes to begin.
const TURN: Duration = Duration::from_millis(250);

/// What is compared.
#[async_trait]
pub(crate) trait Row: Sync {
    /// What a figure of this row is.
    fn unit(&self) -> Unit {
        Unit::PerSecond
    }

    /// Does without what is measured until `end`.
    async fn baseline(&self, end: Instant) -> Result<Sample, Failure>;

    /// Does the same with what is measured.
    async fn subject(&self, end: Instant) -> Result<Sample, Failure>;

    /// Ends what it works with, and looks whether it was done right.
    async fn close(&self) -> Result<(), Failure> {
        Ok(())
    }
}

/// What one turn came to.
pub(crate) enum Sample {
    /// How often it was done.
    Count(u64),
    /// How long each took.
    Times(Vec<Duration>),
}

/// What a figure is.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// How often a second.
    PerSecond,
    /// The time that half of them stay under, in microseconds.
    P50,
    /// The time that 99 of 100 stay under, in microseconds.
    P99,
}

/// What the ratio, subject to baseline, has to be.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// The figure is told, and nothing is asked of it.
    None,
}

/// How long, and how often.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: u64,
    /// Of baseline or subject in a round, or of another measurement: seconds.
    pub(crate) time: Duration,
}

impl Effort {
    /// Turns of each in a round.
    fn turns(self) -> u128 {
        self.time.as_nanos().div_ceil(TURN.as_nanos())
    }
}

/// What the turns of one of them came to in a round.
#[derive(Default)]
struct Turns {
    count: usize,
    /// Where they were taken.
    times: Vec<Duration>,
    /// Of all turns.
    time: Duration,
}

/// A median, and between what it is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    min: f64,
    max: f64,
}

/// What a row came to.
pub(crate) struct Measured {
    name: String,
    unit: Unit,
    target: Target,
    baseline: Spread,
    subject: Spread,
    ratio: Spread,
}

impl Measured {
    /// Whether its ratio is not what it has to be.
    pub(crate) fn misses(&self) -> bool {
        self.target.is_missed(self.ratio.median)
    }
}

impl Target {
    pub(crate) fn is_missed(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(target) => ratio < target,
            Self::AtMost(target) => ratio > target,
            Self::None => false,
        }
    }

    /// What is asked, and whether it is so.
    pub(crate) fn verdict(self, ratio: f64) -> String {
        match (self, self.is_missed(ratio)) {
            (Self::None, _) => String::from("-"),
            (target, true) => format!("{target}: missed"),
            (target, false) => format!("{target}: met"),
        }
    }
}

/// Measures a row, after one round that does not count.
pub(crate) async fn measure(
    name: String,
    target: Target,
    row: &dyn Row,
    effort: Effort,
) -> Result<Measured, Failure> {
    let unit = row.unit();
    let (mut baselines, mut subjects, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=effort.rounds {
        let (mut without, mut with) = (Turns::default(), Turns::default());
        for _ in 0..effort.turns() {
            without.take(row.baseline(Instant::now() + TURN)).await?;
            with.take(row.subject(Instant::now() + TURN)).await?;
        }
        let (baseline, subject) = (without.figure(unit)?, with.figure(unit)?);
        if round > 0 {
            eprintln!("  {round}: {baseline:.0} {unit}, {subject:.0} {unit}");
            baselines.push(baseline);
            subjects.push(subject);
            ratios.push(subject / baseline);
        }
    }
    Ok(Measured {
        name,
        unit,
        target,
        baseline: spread(baselines),
        subject: spread(subjects),
        ratio: spread(ratios),
    })
}

impl Turns {
    /// Takes one more.
    async fn take(
        &mut self,
        turn: impl Future<Output = Result<Sample, Failure>>,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        let sample = turn.await?;
        self.add(sample, began.elapsed())
    }

    fn add(&mut self, sample: Sample, took: Duration) -> Result<(), Failure> {
        self.time += took;
        match sample {
            Sample::Count(count) => self.count += usize::try_from(count)?,
            Sample::Times(times) => {
                self.count += times.len();
                self.times.extend(times);
            }
        }
        Ok(())
    }

    /// All of them in their unit.
    fn figure(self, unit: Unit) -> Result<f64, Failure> {
        if self.count == 0 {
            return Err("nothing was done in the time: give it more seconds".into());
        }
        let of_100 = match unit {
            Unit::PerSecond => {
                return Ok(f64::from(u32::try_from(self.count)?) / self.time.as_secs_f64());
            }
            Unit::P50 => 50,
            Unit::P99 => 99,
        };
        match self.times.is_empty() {
            true => Err("a row of times has counted".into()),
            false => Ok(microseconds(self.times, of_100)),
        }
    }
}

fn microseconds(mut times: Vec<Duration>, of_100: usize) -> f64 {
    times.sort_unstable();
    percentile(&times, of_100).as_secs_f64() * 1e6
}

/// What so many of 100 stay under. `times` must be sorted and not empty.
pub(crate) fn percentile(times: &[Duration], of_100: usize) -> Duration {
    times[(times.len() - 1) * of_100 / 100]
}

/// `values` must not be empty.
pub(crate) fn spread(mut values: Vec<f64>) -> Spread {
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
        "| measurement | baseline | subject | ratio (min..max) | target |\n|---|---|---|---|---|\n",
    );
    for row in rows {
        let verdict = row.target.verdict(row.ratio.median);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {:.0} {unit} | {:.0} {unit} | {} | {verdict} |",
            row.name,
            row.baseline.median,
            row.subject.median,
            row.ratio,
            unit = row.unit
        );
    }
    text
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, min, max } = self;
        write!(f, "{median:.2} ({min:.2}..{max:.2})")
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PerSecond => "/s",
            Self::P50 | Self::P99 => "us",
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(target) => write!(f, "at least {target}"),
            Self::AtMost(target) => write!(f, "at most {target}"),
            Self::None => f.write_str("none"),
        }
    }
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

    #[test]
    fn turns_count_together_over_the_time_that_they_took() {
        let taken = |samples: Vec<(Sample, u64)>| {
            let mut turns = Turns::default();
            for (sample, millis) in samples {
                turns.add(sample, Duration::from_millis(millis)).unwrap();
            }
            turns
        };
        let counts = || taken(vec![(Sample::Count(30), 200), (Sample::Count(10), 300)]);
        assert!((counts().figure(Unit::PerSecond).unwrap() - 80.0).abs() < 1e-9);
        assert!(counts().figure(Unit::P50).is_err());
        let times = |times: &[u64]| {
            let times = times.iter().map(|time| Duration::from_micros(*time));
            Sample::Times(times.collect())
        };
        let timed = || taken(vec![(times(&[3, 1]), 200), (times(&[2]), 300)]);
        assert!((timed().figure(Unit::P50).unwrap() - 2.0).abs() < 1e-9);
        assert!((timed().figure(Unit::PerSecond).unwrap() - 6.0).abs() < 1e-9);
        assert!(Turns::default().figure(Unit::PerSecond).is_err());
    }

    #[test]
    fn a_round_has_turns_for_its_seconds() {
        let effort = |seconds| Effort {
            rounds: 5,
            time: Duration::from_secs(seconds),
        };
        assert_eq!([1, 3].map(|seconds| effort(seconds).turns()), [4, 12]);
    }

    #[test]
    fn of_a_hundred_times_one_is_above_the_p99() {
        let p99 = |count| {
            let times: Vec<_> = (1..=count).map(Duration::from_micros).collect();
            percentile(&times, 99)
        };
        assert_eq!(p99(100), Duration::from_micros(99));
        assert_eq!(p99(1), Duration::from_micros(1));
        assert_eq!(p99(1_000), Duration::from_micros(990));
    }

    #[test]
    fn a_target_is_missed_on_its_own_side() {
        let row = |target, median| {
            let at = |median| Spread {
                median,
                min: median,
                max: median,
            };
            Measured {
                name: String::new(),
                unit: Unit::PerSecond,
                target,
                baseline: at(1.0),
                subject: at(median),
                ratio: at(median),
            }
        };
        assert!(row(Target::AtLeast(0.7), 0.6).misses());
        assert!(!row(Target::AtLeast(0.7), 0.7).misses());
        assert!(row(Target::AtMost(3.0), 3.1).misses());
        assert!(!row(Target::AtMost(3.0), 0.1).misses());
        assert!(!row(Target::None, 0.0).misses());
    }
}
