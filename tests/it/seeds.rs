//! Which seeds a test over a real server runs.
//!
//! `CARTWRIGHT_TEST_SEED=7` runs that one alone, `CARTWRIGHT_TEST_SEEDS=100` the first hundred. With
//! neither, as many of a hundred as fit into a given time.

use std::time::Duration;
use tokio::time::Instant;

/// The seeds, each printed. Without other orders, none is begun once `time` is over.
pub fn seeds(time: Duration) -> impl Iterator<Item = u64> {
    let number = |name| {
        let value = std::env::var(name).ok()?;
        Some(
            value
                .parse::<u64>()
                .expect("a number of a seed, or of seeds"),
        )
    };
    let (one, many) = (
        number("CARTWRIGHT_TEST_SEED"),
        number("CARTWRIGHT_TEST_SEEDS"),
    );
    let range = match (one, many) {
        (Some(seed), _) => seed..=seed,
        (None, many) => 1..=many.unwrap_or(100),
    };
    let deadline = (one.is_none() && many.is_none()).then(|| Instant::now() + time);
    range
        .take_while(move |seed| *seed == 1 || deadline.is_none_or(|end| Instant::now() < end))
        .inspect(|seed| println!("seed {seed}"))
}
