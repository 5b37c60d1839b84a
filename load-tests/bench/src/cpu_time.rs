//! What processes have had of the processors, by the system's own accounts.

use crate::Failure;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

/// What each thread of some processes has had, since it began.
pub(crate) struct CpuTime(BTreeMap<u32, Duration>);

impl CpuTime {
    /// That of these processes until now.
    pub(crate) fn of(processes: impl Iterator<Item = u32>) -> Result<Self, Failure> {
        let mut threads = BTreeMap::new();
        for process in processes {
            for thread in fs::read_dir(format!("/proc/{process}/task"))? {
                let thread = thread?;
                // In nanoseconds, where `stat` next to it counts in ticks of 10 ms.
                match fs::read_to_string(thread.path().join("schedstat")) {
                    Ok(told) => {
                        let id = thread.file_name().to_string_lossy().parse()?;
                        threads.insert(id, run_time(&told)?);
                    }
                    // It has ended since it was listed.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(Self(threads))
    }

    /// What has been added since `before`. Threads that have ended since are left out: those of a
    /// server that hashes no passwords stay.
    pub(crate) fn since(&self, before: &Self) -> Duration {
        let of = |(id, now): (&u32, &Duration)| {
            let before = before.0.get(id).copied().unwrap_or_default();
            now.saturating_sub(before)
        };
        self.0.iter().map(of).sum()
    }
}

/// The first of the figures.
fn run_time(schedstat: &str) -> Result<Duration, Failure> {
    let figure = schedstat.split_whitespace().next();
    let figure = figure.ok_or("no account of processor time on this system")?;
    Ok(Duration::from_nanos(figure.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads(times: &[(u32, u64)]) -> CpuTime {
        let times = times.iter();
        CpuTime(
            times
                .map(|(id, ms)| (*id, Duration::from_millis(*ms)))
                .collect(),
        )
    }

    #[test]
    fn what_was_added_is_counted_also_of_threads_that_are_new() {
        let before = threads(&[(1, 100), (2, 50), (3, 7)]);
        let after = threads(&[(1, 130), (2, 50), (4, 5)]);
        assert_eq!(after.since(&before), Duration::from_millis(35));
    }

    #[test]
    fn the_first_figure_is_the_time_that_it_ran() {
        let told = run_time("1500000 20 3\n").unwrap();
        assert_eq!(told, Duration::from_micros(1_500));
        assert!(run_time("").is_err());
    }

    #[test]
    fn whoever_works_has_had_some() {
        let of_this = || CpuTime::of([std::process::id()].into_iter()).unwrap();
        let before = of_this();
        // The account is brought up to date when the thread waits, or at a tick of the clock.
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_millis(50) {}
        std::thread::sleep(Duration::from_millis(1));
        assert!(of_this().since(&before) > Duration::ZERO);
    }
}
