//! What a partition keeps of its commits: the version and the latest write ids.

use crate::store::{Outcome, SLOTS, Version, WriteId};
use scylla::value::CqlValue;
use std::collections::HashMap;
use uuid::Uuid;

/// Version and slots, as stored.
pub(super) type Stored = (Option<i64>, Option<HashMap<i8, Uuid>>);

/// What a commit at `expected` leaves: the version after it, the slot, and the id to put there.
/// `None` for a version that no partition reaches.
pub(super) fn next(expected: Version, write: WriteId) -> Option<[Option<CqlValue>; 3]> {
    let next = i64::try_from(expected.checked_add(1)?).ok()?;
    Some([
        Some(CqlValue::BigInt(next)),
        Some(CqlValue::TinyInt(slot(expected))),
        Some(CqlValue::Uuid(write.0)),
    ])
}

/// What a commit is conditional on: null before the first.
pub(super) fn condition(expected: Version) -> Option<CqlValue> {
    match expected {
        0 => None,
        version => Some(CqlValue::BigInt(number(version))),
    }
}

/// What the stored version counts: no column, no commit.
pub(super) fn version(stored: Option<i64>) -> Version {
    stored.map_or(0, i64::cast_unsigned)
}

/// What is told of `write` at `expected`.
pub(super) fn outcome(stored: Option<Stored>, expected: Version, write: WriteId) -> Outcome {
    let (at, slots) = stored.unwrap_or_default();
    match version(at).checked_sub(expected) {
        None | Some(0) => Outcome::NotYet,
        Some(since) if since > SLOTS => Outcome::Overwritten,
        Some(_) if slots.unwrap_or_default().get(&slot(expected)) == Some(&write.0) => {
            Outcome::Applied
        }
        Some(_) => Outcome::Never,
    }
}

/// As CQL has it; counters do not come near the limit.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn slot(version: Version) -> i8 {
    i8::try_from(version % SLOTS).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_told_from_the_version_and_the_slot() {
        let (mine, other) = (WriteId(Uuid::from_u128(1)), WriteId(Uuid::from_u128(2)));
        let at = |version| Some((Some(version), Some(HashMap::from([(6, mine.0)]))));
        assert_eq!(outcome(None, 0, mine), Outcome::NotYet);
        assert_eq!(outcome(at(70), 70, mine), Outcome::NotYet);
        assert_eq!(outcome(at(70), 71, mine), Outcome::NotYet);
        assert_eq!(outcome(at(71), 70, mine), Outcome::Applied);
        assert_eq!(outcome(at(71), 70, other), Outcome::Never);
        assert_eq!(outcome(at(134), 70, mine), Outcome::Applied);
        assert_eq!(outcome(at(135), 70, mine), Outcome::Overwritten);
    }

    #[test]
    fn a_version_that_no_partition_reaches_is_none() {
        let write = WriteId(Uuid::nil());
        assert!(next(u64::MAX, write).is_none());
        assert!(next(i64::MAX.cast_unsigned(), write).is_none());
        assert!(next(63, write).is_some());
        assert_eq!(condition(0), None);
    }
}
