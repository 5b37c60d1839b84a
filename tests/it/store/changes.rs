//! What a keyspace tells of changes to the catalogue, whatever becomes of those who write it.

use super::ManualClock;
use super::samples::*;
use crate::cql::{self, Keyspace};
use cartwright::store::scylla::ScyllaStore;
use cartwright::store::{CatalogKey, CatalogRow, Catalogs, Changes, LogPosition};
use futures::future::join_all;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How long a write that stands announced is left to its writer here.
const UNFINISHED: Duration = Duration::from_millis(300);
/// Of requests of CQL's native protocol: EXECUTE and BATCH.
const STATEMENTS: [u8; 2] = [0x0a, 0x0d];

/// A line on which only so many statements pass; later ones wait.
struct Wire {
    address: String,
    left: Arc<AtomicI64>,
    /// Whether one waits.
    is_stuck: watch::Receiver<bool>,
    is_open: watch::Sender<bool>,
}

impl Wire {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let left = Arc::new(AtomicI64::new(i64::MAX));
        let (stuck, is_stuck) = watch::channel(false);
        let (is_open, opened) = watch::channel(false);
        let (count, stuck) = (left.clone(), Arc::new(stuck));
        tokio::spawn(async move {
            while let Ok((here, _)) = listener.accept().await {
                let there = TcpStream::connect(&server).await.unwrap();
                let (mut from_here, mut to_here) = here.into_split();
                let (mut from_there, mut to_there) = there.into_split();
                let (left, stuck, mut opened) = (count.clone(), stuck.clone(), opened.clone());
                tokio::spawn(async move { copy(&mut from_there, &mut to_here).await });
                tokio::spawn(async move {
                    let mut head = [0; 9];
                    while from_here.read_exact(&mut head).await.is_ok() {
                        let [.., opcode, a, b, c, d] = head;
                        let length = u32::from_be_bytes([a, b, c, d]);
                        let mut body = vec![0; usize::try_from(length).unwrap()];
                        from_here.read_exact(&mut body).await?;
                        let counts = STATEMENTS.contains(&opcode);
                        if counts && left.fetch_sub(1, Ordering::Relaxed) <= 0 {
                            stuck.send_replace(true);
                            drop(opened.wait_for(|open| *open).await);
                        }
                        to_there.write_all(&head).await?;
                        to_there.write_all(&body).await?;
                    }
                    std::io::Result::Ok(())
                });
            }
        });
        Self {
            address,
            left,
            is_stuck,
            is_open,
        }
    }

    /// From now on so many pass.
    fn let_pass(&self, statements: i64) {
        self.left.store(statements, Ordering::Relaxed);
    }
}

/// A keyspace, and a store in it.
async fn near() -> Option<(ScyllaStore, Keyspace)> {
    let keyspace = Keyspace::lend(&cql::server()?).await;
    let address = keyspace.options().contacts[0].clone();
    let near = store(&address, &keyspace).await;
    Some((near, keyspace))
}

async fn store(address: &str, keyspace: &Keyspace) -> ScyllaStore {
    let mut options = cql::options(address, &keyspace.options().keyspace);
    options.unfinished = UNFINISHED;
    let sources = cql::sources(Arc::new(ManualClock::default()));
    ScyllaStore::connect(&options, &sources).await.unwrap()
}

fn named(id: &str, name: &str) -> CatalogRow {
    let mut product = product(id);
    product.name = name.to_owned();
    CatalogRow::Product(Box::new(product))
}

/// Records that lie in several partitions.
fn rows(name: &str) -> Vec<CatalogRow> {
    ["a", "b", "c"].map(|id| named(id, name)).into()
}

/// A copy that is kept by the log alone.
struct Reader<'s> {
    store: &'s ScyllaStore,
    position: LogPosition,
    copy: BTreeMap<CatalogKey, CatalogRow>,
    told: Vec<CatalogKey>,
}

impl<'s> Reader<'s> {
    async fn of(store: &'s ScyllaStore, keys: Vec<CatalogKey>) -> Self {
        let position = store.catalog_position().await.unwrap();
        let mut reader = Self {
            store,
            position,
            copy: BTreeMap::new(),
            told: Vec::new(),
        };
        reader.read(keys).await;
        reader
    }

    async fn read(&mut self, keys: Vec<CatalogKey>) {
        let rows = self.store.catalog_rows(keys.clone()).await.unwrap();
        let read = keys.into_iter().zip(rows);
        let read = read.filter_map(|(key, row)| row.map(|row| (key, row)));
        self.copy.extend(read);
    }

    /// Follows until the store has what the copy has, and no write stands announced.
    async fn catch_up(&mut self, keys: &[CatalogKey]) {
        let following = async {
            loop {
                let changes = self.store.catalog_changes(self.position, 100).await;
                let Changes::Keys {
                    keys: told,
                    position,
                } = changes.unwrap()
                else {
                    panic!("lost after {}", self.position);
                };
                self.position = position;
                self.told.extend(told.clone());
                self.read(told).await;
                let stored = self.store.catalog_rows(keys.to_vec()).await.unwrap();
                let stored: Vec<_> = stored.into_iter().flatten().collect();
                let copied: Vec<_> = keys.iter().filter_map(|key| self.copy.get(key)).collect();
                if copied == stored.iter().collect::<Vec<_>>() {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        let in_vain = "the log never told what was written";
        timeout(Duration::from_secs(30), following)
            .await
            .expect(in_vain);
    }
}

/// The process that writes dies after each of its statements in turn: whatever it had written is
/// told, without a repetition, which would find the records equal and write nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_writer_had_written_is_told_wherever_it_died() {
    let Some((near, keyspace)) = near().await else {
        return;
    };
    let keys: Vec<_> = rows("").iter().map(CatalogRow::key).collect();
    near.put_catalog(rows("0")).await.unwrap();
    let (mut written_untold, mut is_whole) = (0, false);
    for statements in 0..12 {
        let mut reader = Reader::of(&near, keys.clone()).await;
        let wire = Wire::to(keyspace.options().contacts[0].clone()).await;
        let far = store(&wire.address, &keyspace).await;
        wire.let_pass(statements);
        let name = format!("after {statements}");
        let mut stuck = wire.is_stuck.clone();
        let mut put = Box::pin(far.put_catalog(rows(&name)));
        is_whole = tokio::select! {
            done = &mut put => { done.unwrap(); true },
            _ = stuck.wait_for(|stuck| *stuck) => false,
        };
        drop(put);
        drop(far);
        let end = near.catalog_position().await.unwrap();
        let stored = near.catalog_rows(keys.clone()).await.unwrap();
        let stored: Vec<_> = stored.into_iter().flatten().collect();
        written_untold += usize::from(end == reader.position && stored == rows(&name));
        reader.catch_up(&keys).await;
        if is_whole {
            break;
        }
        let mut sorted = reader.told.clone();
        sorted.sort();
        sorted.dedup();
        assert!(
            sorted.is_empty() || sorted == keys,
            "{name}: all or none are told"
        );
    }
    assert!(is_whole, "at last it does not die");
    assert!(
        written_untold > 0,
        "it died between the records and their log"
    );
    // Nothing stands announced.
    near.put_catalog(rows("last")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_writer_whose_announcement_was_ended_tells_nevertheless() {
    let Some((near, keyspace)) = near().await else {
        return;
    };
    let keys: Vec<_> = rows("").iter().map(CatalogRow::key).collect();
    let mut reader = Reader::of(&near, keys.clone()).await;
    let wire = Wire::to(keyspace.options().contacts[0].clone()).await;
    let far = store(&wire.address, &keyspace).await;
    // It asks for the head, and announces.
    wire.let_pass(2);
    let put = tokio::spawn(async move { far.put_catalog(rows("slow")).await });
    let mut stuck = wire.is_stuck.clone();
    stuck.wait_for(|stuck| *stuck).await.unwrap();
    let ended = async {
        while reader.told.is_empty() {
            reader.catch_up(&keys).await;
        }
    };
    timeout(Duration::from_secs(30), ended).await.unwrap();
    assert_eq!((&reader.told, reader.copy.len()), (&keys, 0));
    near.put_catalog(vec![named("d", "other")]).await.unwrap();

    wire.let_pass(i64::MAX);
    wire.is_open.send_replace(true);
    put.await.unwrap().unwrap();
    reader.catch_up(&keys).await;
    assert_eq!(reader.copy.len(), 4);
    assert_eq!(reader.told.len(), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_write_at_once_leave_a_log_of_each_write_once() {
    let Some((near, keyspace)) = near().await else {
        return;
    };
    let other = store(&keyspace.options().contacts[0], &keyspace).await;
    let puts = (0..12).map(|number| {
        let store = if number % 2 == 0 { &near } else { &other };
        store.put_catalog(vec![named(&format!("p{number}"), "x"), named("same", "x")])
    });
    for put in join_all(puts).await {
        put.unwrap();
    }
    let changes = other.catalog_changes(0, 100).await.unwrap();
    let Changes::Keys { keys, position } = changes else {
        panic!("lost");
    };
    assert_eq!((keys.len(), position), (24, 24));
    let same = named("same", "x").key();
    for pair in keys.chunks(2) {
        assert_eq!(pair[1], same);
    }
    let mut all: Vec<_> = keys.iter().filter(|key| **key != same).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 12);
}
