//! What was asked for lately. What is asked for once only is not worth keeping: it would make others
//! go, and memory cold. Bounded; who is forgotten is asked for a second time once more.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many are remembered, at the most.
const PLACES: usize = 32 * 1024;

/// Remembers by hashes: each has its place, where it stays until another one comes there.
pub(super) struct Asked(Box<[AtomicU64]>);

impl Default for Asked {
    fn default() -> Self {
        Self((0..PLACES).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Asked {
    /// Whether the same was asked for before, as far as is remembered. From now on it was.
    pub(super) fn again(&self, hash: u64) -> bool {
        let place = usize::try_from(hash % PLACES as u64).unwrap_or_default();
        self.0[place].swap(hash, Ordering::Relaxed) == hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_twice_is_known_until_others_took_its_place() {
        let asked = Asked::default();
        assert_eq!([7, 7, 7].map(|hash| asked.again(hash)), [false, true, true]);
        assert!(!asked.again(7 + PLACES as u64));
        assert!(!asked.again(7));
        assert!((8..1_000).all(|hash| !asked.again(hash)));
        assert!(asked.again(7));
    }
}
