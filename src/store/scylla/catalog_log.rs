//! The log of the catalogue's changes: a ring in one partition, whose head is moved by the
//! conditional batch that writes the entries. So it has no gaps, and is never half written.
//!
//! Records lie in other partitions, and no transaction holds both. A write therefore goes in three
//! steps: it announces its keys in the head, writes the records, and moves its keys from the
//! announcement into the log. Where it ends half-way the announcement stays, and whoever reads the
//! log, or wants to write next, logs the announced keys once [`Options::unfinished`] is over. So
//! whatever records may have been changed are told to readers, although a repetition would find
//! them equal and leave them alone.
//!
//! An announcement is no lock: whoever took too long and had it ended by another logs its keys
//! nevertheless, after its records.
//!
//! [`Options::unfinished`]: super::Options::unfinished

use super::ScyllaStore;
use super::commits::bind;
use super::execute::Values;
use super::head;
use crate::store::encoding::{decode, encode};
use crate::store::{CATALOG_LOG, CatalogKey, Changes, Error, LogPosition, Result};
use futures::TryStreamExt;
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlValue;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How often the head is moved against others who move it.
const TRIES: usize = 16;
/// For how long a write waits for others, beyond the time after which one of them is ended.
const WAIT: Duration = Duration::from_secs(30);
/// The pause between two looks whether another write has ended.
const PAUSE: Duration = Duration::from_millis(50);

/// The head of the log.
#[derive(Clone, Copy)]
pub(super) struct Head {
    /// Of the latest entry.
    pub(super) position: LogPosition,
    /// Who has announced a write.
    writer: Option<Uuid>,
}

/// A write that is announced.
pub(super) struct Announced {
    writer: Uuid,
    keys: Vec<CatalogKey>,
}

/// Since when which announcement has been seen, by durations of our own: no two clocks are compared.
pub(super) struct Unfinished {
    after: Duration,
    seen: Mutex<Option<(Uuid, Instant)>>,
}

impl Unfinished {
    /// What is seen for so long is left behind.
    pub(super) fn after(after: Duration) -> Self {
        let seen = Mutex::new(None);
        Self { after, seen }
    }

    /// Whether the announcement, which stands now, is left behind.
    fn is_left(&self, writer: Uuid) -> bool {
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match *seen {
            Some((of, since)) if of == writer => now.duration_since(since) >= self.after,
            _ => {
                *seen = Some((writer, now));
                false
            }
        }
    }
}

impl ScyllaStore {
    pub(super) async fn log_head(&self) -> Result<Head> {
        let found = self.row(&self.statements.log_head, ()).await?;
        let (position, writer): (Option<i64>, Option<Uuid>) = found.unwrap_or_default();
        Ok(Head {
            position: head::version(position),
            writer,
        })
    }

    /// Announces a write of the records with these keys, once nobody else's stands announced.
    pub(super) async fn announce(&self, keys: Vec<CatalogKey>) -> Result<Announced> {
        let writer = self.sources.entropy.uuid();
        let writing = encode(&keys);
        let deadline = Instant::now() + self.unfinished.after + WAIT;
        while Instant::now() < deadline {
            let head = self.log_head().await?;
            match head.writer {
                Some(stands) if stands == writer => return Ok(Announced { writer, keys }),
                Some(other) if self.unfinished.is_left(other) => self.end(other).await?,
                Some(_) => sleep(PAUSE).await,
                None => {
                    // A copy that arrives late does not find the position any more.
                    let values = (writer, &writing, head::condition(head.position));
                    match self.conditional(&self.statements.log_claim, values).await {
                        Ok(()) => return Ok(Announced { writer, keys }),
                        Err(Error::Conflict | Error::Unknown(_)) => sleep(PAUSE).await,
                        Err(other) => return Err(other),
                    }
                }
            }
        }
        Err(Error::Unavailable(
            "others write the catalogue all the time".to_owned(),
        ))
    }

    /// Logs what was announced, and is written now.
    pub(super) async fn log(&self, announced: Announced) -> Result<()> {
        let Announced { writer, keys } = announced;
        for _ in 0..TRIES {
            let logged = match self.log_head().await {
                Ok(head) => self.append(head, writer, &keys).await,
                failed => failed.map(drop),
            };
            match logged {
                Ok(()) => return Ok(()),
                // Entries that are there already do no harm a second time.
                Err(Error::Conflict | Error::Unknown(_) | Error::Unavailable(_)) => {
                    sleep(PAUSE).await;
                }
                Err(other) => return Err(other),
            }
        }
        Err(Error::Unknown(
            "the records are written, but their log is not".to_owned(),
        ))
    }

    /// Logs what another announced and left, unless it is logged meanwhile.
    async fn end(&self, left: Uuid) -> Result<()> {
        let head = self.log_head().await?;
        let found = self.row(&self.statements.log_writing, ()).await?;
        let (writer, writing): (Option<Uuid>, Option<Vec<u8>>) = found.unwrap_or_default();
        let (Some(writing), true) = (writing, writer == Some(left) && head.writer == writer) else {
            return Ok(());
        };
        let keys: Vec<CatalogKey> = decode(&writing)?;
        tracing::warn!(catalog.keys = keys.len(), "store.catalog.unfinished");
        match self.append(head, left, &keys).await {
            Err(Error::Conflict) => Ok(()),
            done => done,
        }
    }

    /// Moves the head from where it is, and writes the entries. Ends the announcement of `writer`,
    /// if it stands, and nobody else's.
    async fn append(&self, head: Head, writer: Uuid, keys: &[CatalogKey]) -> Result<()> {
        let statements = &self.statements;
        let after = head.position;
        let end = after.saturating_add(u64::try_from(keys.len()).unwrap_or(u64::MAX));
        let moved = [
            Some(CqlValue::BigInt(head::number(end))),
            head::condition(after),
        ];
        let mut batch = Vec::with_capacity(1 + keys.len());
        batch.push(if head.writer == Some(writer) {
            let values = bind([&moved, &[Some(CqlValue::Uuid(writer))]]);
            (&statements.log_finish, values)
        } else {
            (&statements.log_append, Values::from(moved))
        });
        batch.extend((after + 1..=end).zip(keys).map(|(position, key)| {
            let values = vec![
                Some(CqlValue::Int(slot(position))),
                Some(CqlValue::BigInt(head::number(position))),
                Some(CqlValue::Blob(encode(key))),
            ];
            (&statements.log_entry, values)
        }));
        self.commit_batch(batch).await
    }

    /// At most `limit` entries after a position; ends what was left behind.
    pub(super) async fn log_changes(&self, after: LogPosition, limit: u32) -> Result<Changes> {
        let mut head = self.log_head().await?;
        if let Some(left) = head
            .writer
            .filter(|writer| self.unfinished.is_left(*writer))
        {
            self.end(left).await?;
            head = self.log_head().await?;
        }
        match head.position.checked_sub(after) {
            None => Ok(Changes::Lost),
            Some(behind) if behind > CATALOG_LOG => Ok(Changes::Lost),
            Some(behind) => {
                let count = behind.min(u64::from(limit));
                self.log_entries(after, after + count).await
            }
        }
    }

    async fn log_entries(&self, after: LogPosition, end: LogPosition) -> Result<Changes> {
        let statement: &PreparedStatement = &self.statements.log_entries;
        let mut keys = Vec::new();
        let mut position = after;
        for slots in ranges(after, end) {
            let mut rows = self.stream::<(i64, Vec<u8>)>(statement, slots).await?;
            while let Some((entry, key)) = rows.try_next().await? {
                position += 1;
                if head::version(Some(entry)) != position {
                    // Overwritten since the head was read.
                    return Ok(Changes::Lost);
                }
                keys.push(decode(&key)?);
            }
        }
        Ok(if position == end {
            Changes::Keys { keys, position }
        } else {
            Changes::Lost
        })
    }
}

fn slot(position: LogPosition) -> i32 {
    i32::try_from(position % CATALOG_LOG).unwrap_or(0)
}

/// The slots of the entries after a position up to another, first to last, of which there are no
/// more than slots.
fn ranges(after: LogPosition, end: LogPosition) -> Vec<(i32, i32)> {
    if after == end {
        return Vec::new();
    }
    let (first, last) = (slot(after + 1), slot(end));
    if first <= last {
        vec![(first, last)]
    } else {
        vec![(first, slot(CATALOG_LOG - 1)), (0, last)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_lie_in_a_ring() {
        const END: i32 = 65_535;
        assert_eq!(ranges(7, 7), []);
        assert_eq!(ranges(0, 1), [(1, 1)]);
        assert_eq!(ranges(7, 9), [(8, 9)]);
        assert_eq!(ranges(0, CATALOG_LOG), [(1, END), (0, 0)]);
        assert_eq!(ranges(CATALOG_LOG - 1, CATALOG_LOG + 1), [(0, 1)]);
        assert_eq!(ranges(CATALOG_LOG - 2, CATALOG_LOG), [(END, END), (0, 0)]);
        assert_eq!(ranges(99, CATALOG_LOG + 99), [(100, END), (0, 99)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_announcement_is_left_once_it_was_seen_for_long() {
        let unfinished = Unfinished::after(Duration::from_secs(15));
        let [one, other] = [1, 2].map(Uuid::from_u128);
        assert!(!unfinished.is_left(one));
        tokio::time::advance(Duration::from_millis(14_999)).await;
        assert!(!unfinished.is_left(one));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(unfinished.is_left(one));
        assert!(!unfinished.is_left(other));
        tokio::time::advance(Duration::from_secs(15)).await;
        assert!(!unfinished.is_left(one), "another stood in between");
    }
}
