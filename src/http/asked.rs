//! What was asked for lately. What is asked for once only is not worth keeping: it would make others
//! go, and memory cold. Bounded; who is forgotten is asked for a second time once more.

use std::sync::atomic::{AtomicU32, Ordering};

/// How many are remembered, at the most.
const PLACES: usize = 32 * 1024;

/// Remembers by hashes: the lower half says the place, where the upper half stays until another one
/// comes there.
pub(super) struct Asked(Box<[AtomicU32]>);

impl Default for Asked {
    fn default() -> Self {
        Self((0..PLACES).map(|_| AtomicU32::new(0)).collect())
    }
}

impl Asked {
    /// Whether the same was asked for before, as far as is remembered. From now on it was.
    pub(super) fn again(&self, hash: u64) -> bool {
        let place = &self.0[hash as u32 as usize % PLACES];
        let rest = (hash >> 32) as u32;
        // Not one step: at worst, of two who ask at once one is forgotten, and nobody waits here for
        // memory that is not in the cache.
        let was = place.load(Ordering::Relaxed);
        place.store(rest, Ordering::Relaxed);
        was == rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hash with its place and the rest that tells it from others there.
    fn hash(place: u32, rest: u32) -> u64 {
        u64::from(rest) << 32 | u64::from(place)
    }

    #[test]
    fn what_is_asked_for_twice_is_known_until_others_took_its_place() {
        let asked = Asked::default();
        let again = |place, rest| asked.again(hash(place, rest));
        assert_eq!([7, 7, 7].map(|place| again(place, 1)), [false, true, true]);
        assert!(!again(7 + PLACES as u32, 2));
        assert!(!again(7, 1));
        assert!((8..1_000).all(|place| !again(place, 1)));
        assert!(again(7, 1));
    }
}
