//! Figures of the process, as Linux tells them in `/proc`; elsewhere there is but the version.
//!
//! Read when they are shown: some microseconds of the kernel's time.

use super::{Metrics, Reading, Table, Tally, Unit};
use std::fs;

/// What the kernel counts times in: a hundredth of a second, on every architecture.
const TICK: f64 = 0.01;

pub(super) fn register(metrics: &Metrics) {
    let version = vec![("version", env!("CARGO_PKG_VERSION"))];
    metrics.register(
        "cartwright_build_info",
        "Which version runs: 1",
        Table::new([(version, Reading::new(|| 1.0))]),
    );
    if Stat::read().is_some() {
        register_linux(metrics);
    }
}

fn register_linux(metrics: &Metrics) {
    metrics.register_in(
        Unit::Seconds,
        "process_cpu",
        "Time on a core, of the user and of the system",
        Tally::new(|| Stat::read().map_or(0.0, |stat| stat.cpu)),
    );
    metrics.register_in(
        Unit::Bytes,
        "process_resident_memory",
        "Memory that is resident",
        Reading::new(|| resident_bytes().unwrap_or(f64::NAN)),
    );
    metrics.register(
        "process_open_fds",
        "Open file descriptors",
        Reading::number(|| fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)),
    );
    metrics.register(
        "process_max_fds",
        "The most file descriptors that may be open",
        Reading::new(|| max_fds().unwrap_or(f64::NAN)),
    );
    metrics.register(
        "process_threads",
        "Threads of the system",
        Reading::new(|| Stat::read().map_or(f64::NAN, |stat| stat.threads)),
    );
    metrics.register_in(
        Unit::Seconds,
        "process_start_time",
        "When it was started, in seconds since 1970",
        Reading::new(|| {
            let started = Stat::read().zip(boot_time());
            started.map_or(f64::NAN, |(stat, boot)| boot + stat.started)
        }),
    );
}

/// What `/proc/self/stat` says, in seconds.
#[derive(Debug, PartialEq)]
struct Stat {
    cpu: f64,
    threads: f64,
    /// Since the machine was booted.
    started: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // The second field is the name in parentheses, and may hold anything; the third follows it.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Self {
            cpu: (field(14)? + field(15)?) * TICK,
            threads: field(20)?,
            started: field(22)? * TICK,
        })
    }
}

/// The number that follows `name` in a file of lines.
fn number_after(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    Some(number_after(&status, "VmRSS:")? * 1024.0)
}

fn max_fds() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    number_after(&limits, "Max open files")
}

fn boot_time() -> Option<f64> {
    number_after(&fs::read_to_string("/proc/stat").ok()?, "btime")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_be_called_anything() {
        let text = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 0 0 0 250 150 0 0 20 0 7 0 9000 1 2 3";
        let stat = Stat::parse(text).unwrap();
        assert_eq!((stat.cpu, stat.threads, stat.started), (4.0, 7.0, 90.0));
        assert_eq!(Stat::parse("42 (a) S 1 2"), None);
    }

    #[test]
    fn a_number_is_found_by_its_name() {
        let text = "VmPeak:\t  10 kB\nVmRSS:\t   2048 kB\nThreads:\t3\n";
        assert_eq!(number_after(text, "VmRSS:"), Some(2048.0));
        assert_eq!(number_after(text, "VmSwap:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_plausible() {
        assert!(resident_bytes().unwrap() > 1e6);
        assert!(max_fds().unwrap() >= 64.0);
        assert!(Stat::read().unwrap().threads >= 1.0);
        assert!(boot_time().unwrap() > 1e9);
    }
}
