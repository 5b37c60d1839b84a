//! What was acknowledged since the database was last committed durably: a record for each
//! transaction, in a file of its own. A record is durable by one write and one sync, where a commit
//! of the database takes a write for every page that changed, and two syncs.
//!
//! Records are numbered without a gap, and each transaction also writes into the database which
//! number comes next. So whatever state of the database is found after a crash, it is known which
//! records come after it. Once the journal is full, the database is committed durably, and records
//! begin at the front again, over those that nobody needs any more.
//!
//! A record begins a block. It is a checksum of what follows, [`MAGIC`], the length of its entry,
//! its number, and its entry, as postcard writes it.

use super::super::kv::Write;
use crate::domain::time::Timestamp;
use redb::StorageBackend;
use serde::{Deserialize, Serialize};
use std::io;
use twox_hash::XxHash3_128;

/// Names the format.
const MAGIC: [u8; 4] = *b"CWJ1";
/// What is never rewritten together with another record, in bytes: a page of the system's cache.
const BLOCK: usize = 4_096;
/// The number of a journal's first record.
const FIRST: u64 = 1;
const CHECKSUM: usize = size_of::<u128>();
const HEAD: usize = CHECKSUM + MAGIC.len() + size_of::<u32>() + size_of::<u64>();

/// Why the records cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// This record is damaged, or is not reached for another one that is, although one was written
    /// after it.
    #[error("record {0} of the journal is damaged")]
    Damaged(u64),
}

/// A transaction: its writes took effect one after the other, then what had expired was removed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry<W = Vec<Write>> {
    pub(super) now: Timestamp,
    pub(super) writes: W,
}

/// A record that is ready to be written.
pub(super) struct Record(Vec<u8>);

#[derive(Debug)]
pub(super) struct Journal {
    file: Box<dyn StorageBackend>,
    /// Of the file, in bytes.
    length: u64,
    /// Where the next record begins, in bytes.
    end: u64,
    next: u64,
}

impl Journal {
    /// One without records, of so many bytes, in the place of what the file holds. All bytes are
    /// written now, so that the system has no places and sizes to write when records come.
    pub(super) fn create(file: Box<dyn StorageBackend>, length: usize) -> io::Result<Self> {
        let zeros = vec![0; length];
        let length = u64::try_from(length).map_err(io::Error::other)?;
        file.set_len(length)?;
        file.write(0, &zeros)?;
        file.sync_data()?;
        Ok(Self {
            file,
            length,
            end: 0,
            next: FIRST,
        })
    }

    /// The number of the next record.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// The next record, if there is room for it.
    pub(super) fn record(&self, entry: &Entry<Vec<&Write>>) -> Option<Record> {
        let mut bytes = Vec::with_capacity(BLOCK);
        bytes.resize(HEAD, 0);
        // Writes are bytes and numbers, which postcard always writes.
        let mut bytes = postcard::to_extend(entry, bytes).ok()?;
        let length = bytes.len() - HEAD;
        bytes.resize(size(length), 0);
        let room = self.length.saturating_sub(self.end);
        if u64::try_from(bytes.len()).ok()? > room {
            return None;
        }
        let (checksum, rest) = bytes.split_at_mut(CHECKSUM);
        rest[..4].copy_from_slice(&MAGIC);
        rest[4..8].copy_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
        rest[8..16].copy_from_slice(&self.next.to_be_bytes());
        checksum.copy_from_slice(&checksum_of(&rest[..HEAD - CHECKSUM + length]));
        Some(Record(bytes))
    }

    /// Makes a record durable. After a failure it may be there, or not, and none may follow.
    pub(super) fn append(&mut self, Record(bytes): &Record) -> io::Result<()> {
        self.file.write(self.end, bytes)?;
        self.file.sync_data()?;
        self.end += u64::try_from(bytes.len()).map_err(io::Error::other)?;
        self.next += 1;
        Ok(())
    }

    /// The database holds all that the records hold, durably: further ones begin at the front.
    pub(super) const fn begin_anew(&mut self) {
        self.end = 0;
    }
}

/// The entries of the records in a file, from number `first` on.
///
/// The last record that was begun may be incomplete: then nobody was told of it. Any other was
/// whole before the next one was begun.
pub(super) fn entries(file: &dyn StorageBackend, first: u64) -> Result<Vec<Entry>, Unreadable> {
    let length = usize::try_from(file.len()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read(0, &mut bytes)?;
    let (mut entries, mut rest) = (Vec::new(), &bytes[..]);
    // The database may hold some of them: redb also commits durably as it checks or closes a file.
    let front = record(rest).map_or(first, |(front, _)| front);
    let mut number = front.min(first);
    while let Some((found, entry)) = record(rest)
        && found == number
    {
        if number >= first {
            let read = postcard::from_bytes(entry);
            entries.push(read.map_err(|_| Unreadable::Damaged(number))?);
        }
        number += 1;
        rest = rest.get(size(entry.len())..).unwrap_or_default();
    }
    let missing = number.max(first);
    let mut blocks = (0..rest.len()).step_by(BLOCK);
    if blocks.any(|block| record(&rest[block..]).is_some_and(|(found, _)| found >= missing)) {
        return Err(Unreadable::Damaged(missing));
    }
    Ok(entries)
}

/// The number and the entry of the record that `bytes` begin with, if it is whole.
fn record(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (checksum, rest) = bytes.split_first_chunk::<CHECKSUM>()?;
    let (magic, after) = rest.split_first_chunk()?;
    let (length, after) = after.split_first_chunk()?;
    let (number, after) = after.split_first_chunk()?;
    if *magic != MAGIC {
        return None;
    }
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let entry = after.get(..length)?;
    let whole = checksum_of(rest.get(..HEAD - CHECKSUM + length)?) == *checksum;
    whole.then_some((u64::from_be_bytes(*number), entry))
}

fn checksum_of(bytes: &[u8]) -> [u8; CHECKSUM] {
    XxHash3_128::oneshot(bytes).to_be_bytes()
}

/// What a record with so long an entry takes, in bytes.
const fn size(entry: usize) -> usize {
    (HEAD + entry).next_multiple_of(BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::kv::Table;
    use redb::backends::InMemoryBackend;

    fn journal(blocks: usize) -> Journal {
        let file = Box::new(InMemoryBackend::new());
        Journal::create(file, blocks * BLOCK).unwrap()
    }

    /// Appends an entry of about so many bytes.
    fn append(journal: &mut Journal, now: i64, bytes: usize) -> bool {
        let write = Write::Delete(Table::Meta, vec![b'x'; bytes]);
        let entry = Entry {
            now: Timestamp(now),
            writes: vec![&write],
        };
        let Some(record) = journal.record(&entry) else {
            return false;
        };
        journal.append(&record).unwrap();
        true
    }

    fn told(journal: &Journal, first: u64) -> Result<Vec<i64>, String> {
        let entries = entries(&*journal.file, first).map_err(|error| error.to_string())?;
        Ok(entries.iter().map(|entry| entry.now.0).collect())
    }

    #[test]
    fn records_are_told_from_the_number_that_is_asked_for() {
        let mut journal = journal(8);
        assert_eq!(told(&journal, 1), Ok(vec![]));
        for (now, bytes) in [(1, 10), (2, 5_000), (3, 0)] {
            assert!(append(&mut journal, now, bytes));
        }
        assert_eq!((journal.next(), journal.end), (4, 4 * 4_096));
        for (first, expected) in [(1, &[1, 2, 3][..]), (2, &[2, 3]), (3, &[3]), (4, &[])] {
            assert_eq!(told(&journal, first), Ok(expected.to_vec()));
        }
    }

    #[test]
    fn a_record_without_room_is_none_and_later_ones_begin_at_the_front() {
        let mut journal = journal(3);
        assert!(append(&mut journal, 1, 5_000));
        assert!(!append(&mut journal, 2, 5_000));
        assert!(append(&mut journal, 2, 10));
        assert!(!append(&mut journal, 3, 10));
        journal.begin_anew();
        assert!(append(&mut journal, 3, 10));
        assert_eq!(told(&journal, 3), Ok(vec![3]));
        // Behind it lie the second block of the first record, and the second record.
        assert_eq!(told(&journal, 4), Ok(vec![]));
    }

    #[test]
    fn the_last_record_may_be_incomplete_and_no_other() {
        let mut journal = journal(8);
        for now in 1..=3 {
            assert!(append(&mut journal, now, 5_000));
        }
        let blocks = [0, 1, 2, 3, 4, 5].map(|block| {
            let place = block * 4_096 + 20;
            let mut before = [0];
            journal.file.read(place, &mut before).unwrap();
            journal.file.write(place, &[!before[0]]).unwrap();
            let found = told(&journal, 1);
            journal.file.write(place, &before).unwrap();
            found
        });
        let damaged = |number: u64| Err(format!("record {number} of the journal is damaged"));
        let [first, second] = [damaged(1), damaged(2)];
        let last = Ok(vec![1, 2]);
        let expected = [&first, &first, &second, &second, &last, &last];
        assert_eq!(blocks.each_ref(), expected);
        // What the database has is not needed.
        journal.file.write(20, b"?").unwrap();
        assert_eq!(told(&journal, 4), Ok(vec![]));
        assert_eq!(told(&journal, 3), damaged(3));
    }

    #[test]
    fn the_bytes_are_those_of_this_format() {
        let mut journal = journal(1);
        assert!(append(&mut journal, 1, 3));
        let mut bytes = [0; 64];
        journal.file.read(0, &mut bytes).unwrap();
        let hex = bytes.map(|byte| format!("{byte:02x}")).concat();
        let (checksum, rest) = hex.split_at(2 * CHECKSUM);
        assert_eq!(checksum, "7f71587add2885b4321093b27e32d0a9");
        assert!(rest.starts_with("43574a31000000080000000000000001020103050378787800"));
    }
}
