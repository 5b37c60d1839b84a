//! A partition's head: its version and the ids of its latest commits.
//!
//! Stored as a format byte, the version, and a ring of [`SLOTS`] write ids of 16 bytes: as many as
//! there were commits, the one at version `v` in place `v % SLOTS`. One row, because every commit
//! changes both.

use crate::store::{Error, Outcome, Result, SLOTS, Version, WriteId};
use uuid::Uuid;

const FORMAT: u8 = 1;
const RING: usize = 1 + size_of::<Version>();
const ID: usize = size_of::<Uuid>();

/// The version of a stored head.
pub(super) fn version(head: &[u8]) -> Result<Version> {
    let damaged = || Error::Corrupt("a partition's head has the wrong length or format".to_owned());
    let (format, rest) = head.split_first().ok_or_else(damaged)?;
    let (version, ring) = rest.split_first_chunk().ok_or_else(damaged)?;
    let version = Version::from_be_bytes(*version);
    let whole = usize::try_from(version.min(SLOTS)).is_ok_and(|ids| ring.len() == ids * ID);
    if *format == FORMAT && whole {
        Ok(version)
    } else {
        Err(damaged())
    }
}

/// The head after `write` at `expected`, from the one before it.
pub(super) fn next(head: &[u8], expected: Version, write: WriteId) -> Result<Vec<u8>> {
    let current = if head.is_empty() { 0 } else { version(head)? };
    if current != expected {
        return Err(Error::Conflict);
    }
    let mut next = Vec::with_capacity(head.len().max(RING) + ID);
    next.push(FORMAT);
    next.extend_from_slice(&(expected + 1).to_be_bytes());
    next.extend_from_slice(head.get(RING..).unwrap_or_default());
    let slot = slot(expected);
    match next.get_mut(slot.clone()) {
        Some(old) => old.copy_from_slice(write.0.as_bytes()),
        None => next.extend_from_slice(write.0.as_bytes()),
    }
    Ok(next)
}

/// What the head tells of `write` at `expected`.
pub(super) fn outcome(head: &[u8], expected: Version, write: WriteId) -> Result<Outcome> {
    let version = version(head)?;
    Ok(match version.checked_sub(expected) {
        None | Some(0) => Outcome::NotYet,
        Some(since) if since > SLOTS => Outcome::Overwritten,
        Some(_) if head.get(slot(expected)) == Some(write.0.as_bytes()) => Outcome::Applied,
        Some(_) => Outcome::Never,
    })
}

fn slot(version: Version) -> std::ops::Range<usize> {
    let place = usize::try_from(version % SLOTS).unwrap_or(0);
    let start = RING + place * ID;
    start..start + ID
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(of: u64) -> WriteId {
        WriteId(Uuid::from_u128(u128::from(of) + 1))
    }

    fn after(commits: u64) -> Vec<u8> {
        (0..commits).fold(Vec::new(), |head, version| {
            next(&head, version, id(version)).unwrap()
        })
    }

    #[test]
    fn it_remembers_as_many_commits_as_there_are_slots() {
        let head = after(3 * SLOTS + 5);
        assert_eq!(version(&head), Ok(3 * SLOTS + 5));
        let told = |at| outcome(&head, at, id(at)).unwrap();
        assert_eq!(told(2 * SLOTS + 4), Outcome::Overwritten);
        for at in 2 * SLOTS + 5..3 * SLOTS + 5 {
            assert_eq!(told(at), Outcome::Applied);
            assert_eq!(outcome(&head, at, id(0)), Ok(Outcome::Never));
        }
        assert_eq!(told(3 * SLOTS + 5), Outcome::NotYet);
    }

    #[test]
    fn its_bytes_are_the_version_and_the_ring() {
        let bytes = after(2)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        assert_eq!(
            bytes,
            "010000000000000002\
             00000000000000000000000000000001\
             00000000000000000000000000000002"
        );
    }

    #[test]
    fn a_damaged_head_is_told() {
        let head = after(2);
        for damaged in [&head[..head.len() - 1], &head[..4], &[], &[9; 41]] {
            assert!(matches!(version(damaged), Err(Error::Corrupt(_))));
        }
        assert_eq!(next(&head, 1, id(9)), Err(Error::Conflict));
    }
}
