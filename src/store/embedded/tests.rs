//! What happens when the disk fails, and when the writer is slow.

mod disk;

use super::*;
use crate::domain::cart::Cart;
use crate::domain::ids::UserId;
use crate::sources::SystemClock;
use crate::store::resolve::{self, Failure};
use crate::store::{
    Attempts, Catalogs, Change, Commit, Commits, Outcome, Partition, UserWrite, Users, Version,
    WriteId,
};
use disk::{Disk, Failing, PLENTY};
use futures::future::join_all;
use std::future::Future;
use std::task::{Context, Waker};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;
use uuid::Uuid;

struct Subject {
    store: EmbeddedStore,
    disk: Arc<Disk>,
    _dir: TempDir,
}

fn subject(options: Options) -> Subject {
    opened(tempfile::tempdir().unwrap(), options)
}

fn opened(dir: TempDir, options: Options) -> Subject {
    let disk = Arc::new(Disk::default());
    disk.set_space(PLENTY);
    let shared = Arc::clone(&disk);
    let wrap = move |file| Failing::new(file, &shared);
    let store = EmbeddedStore::open_on(dir.path(), Arc::new(SystemClock), options, wrap);
    Subject {
        store: store.unwrap(),
        disk,
        _dir: dir,
    }
}

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

fn write_id(user: UserId, expected: Version) -> WriteId {
    WriteId(Uuid::from_u128(
        user.0.as_u128() << 64 | u128::from(expected),
    ))
}

fn commit(user: UserId, expected: Version) -> Commit {
    let cart = Cart {
        revision: expected + 1,
        ..Cart::default()
    };
    Commit {
        expected,
        write: write_id(user, expected),
        change: Change::User(
            user,
            UserWrite {
                cart: Some(Arc::new(cart)),
                ..UserWrite::default()
            },
        ),
    }
}

async fn resolved(store: &EmbeddedStore, commit: Commit) -> std::result::Result<(), Failure> {
    resolve::commit(store, commit, Instant::now() + Duration::from_secs(30)).await
}

/// Repeats a commit that was refused, as often as it takes.
async fn insist(store: &EmbeddedStore, commit: Commit) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        match resolved(store, commit.clone()).await {
            Ok(()) => return,
            Err(Failure::Unavailable(_)) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(other) => panic!("{other}"),
        }
    }
    panic!("it never recovered");
}

async fn assert_at(store: &EmbeddedStore, user: UserId, version: Version) {
    let found = store.user(user).await.unwrap();
    assert_eq!(
        (found.version, found.value.cart.revision),
        (version, version)
    );
}

/// Polls once, so that the write is queued, and no further.
fn begin(mut future: std::pin::Pin<Box<impl Future<Output = Result<()>>>>) {
    let polled = future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let Subject { store, disk, _dir } = subject(Options::default());
    for expected in 0..5 {
        store.commit(commit(user(1), expected)).await.unwrap();
    }
    disk.set_space(0);
    for number in 2..6 {
        let refused = store.commit(commit(user(number), 0)).await;
        let told = matches!(refused, Err(Error::Unknown(_) | Error::Unavailable(_)));
        assert!(told, "{refused:?}");
        assert!(!store.is_healthy());
    }
    let read = store.user(user(1)).await;
    assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
    disk.set_space(PLENTY);
    insist(&store, commit(user(2), 0)).await;
    assert!(store.is_healthy());
    assert_at(&store, user(1), 5).await;
    assert_at(&store, user(2), 1).await;
}

#[tokio::test]
async fn wherever_the_disk_fails_a_commit_is_decided_once() {
    // By the journal it is one write and one sync; by the database it is more of both.
    decided_wherever_the_disk_fails(Options::default(), 2).await;
    let journal_bytes = 0;
    let by_the_database = Options {
        journal_bytes,
        ..Options::default()
    };
    decided_wherever_the_disk_fails(by_the_database, 4).await;
}

async fn decided_wherever_the_disk_fails(options: Options, at_least: i32) {
    let Subject { store, disk, _dir } = subject(options);
    let (mut applied, mut refused) = (0, 0);
    for step in 0_i64.. {
        let expected = store.user(user(1)).await.unwrap().version;
        let ours = commit(user(1), expected);
        disk.set_space(step);
        let answer = store.commit(ours.clone()).await;
        let spared = disk.space.load(Ordering::SeqCst) > 0;
        disk.set_space(PLENTY);
        if answer.is_err() {
            insist(&store, commit(user(2), u64::try_from(refused).unwrap())).await;
        }
        let partition = Partition::User(user(1));
        let outcome = store
            .outcome(partition, expected, ours.write)
            .await
            .unwrap();
        match answer {
            Ok(()) => assert_eq!(outcome, Outcome::Applied),
            Err(Error::Unavailable(_)) => assert_eq!(outcome, Outcome::NotYet),
            Err(Error::Unknown(_)) => assert!(outcome != Outcome::Never),
            Err(other) => panic!("{other}"),
        }
        refused += i32::from(answer.is_err());
        applied += i32::from(outcome == Outcome::Applied);
        if spared {
            break;
        }
        let insisted = resolved(&store, ours).await;
        assert!(matches!(insisted, Ok(()) | Err(Failure::Conflict)));
        assert_at(&store, user(1), expected + 1).await;
    }
    assert!(refused >= at_least && applied > 0, "{refused} {applied}");
}

#[tokio::test]
async fn a_failed_read_has_the_file_reopened() {
    let options = Options {
        cache_bytes: 0,
        ..Options::default()
    };
    let Subject { store, disk, _dir } = subject(options);
    store.commit(commit(user(1), 0)).await.unwrap();
    disk.unreadable.store(true, Ordering::SeqCst);
    let read = store.user(user(1)).await;
    assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
    assert!(!store.is_healthy());
    disk.unreadable.store(false, Ordering::SeqCst);
    insist(&store, commit(user(2), 0)).await;
    assert!(store.is_healthy());
    assert_at(&store, user(1), 1).await;
}

#[tokio::test]
async fn what_was_read_is_kept_until_the_catalogue_was_read_and_read_anew_then() {
    let Subject { store, _dir, .. } = subject(Options::default());
    store.commit(commit(user(1), 0)).await.unwrap();
    drop(store);
    let Subject { store, disk, _dir } = opened(_dir, Options::default());
    assert_at(&store, user(1), 1).await;
    disk.unreadable.store(true, Ordering::SeqCst);
    assert_at(&store, user(1), 1).await;
    disk.unreadable.store(false, Ordering::SeqCst);
    store.catalog_was_read().await;
    assert!(store.is_healthy());
    disk.unreadable.store(true, Ordering::SeqCst);
    let read = store.user(user(1)).await;
    assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
    disk.unreadable.store(false, Ordering::SeqCst);
    insist(&store, commit(user(2), 0)).await;
    assert_at(&store, user(1), 1).await;
}

#[tokio::test]
async fn what_was_read_is_kept_while_something_is_written() {
    let Subject { store, disk, _dir } = subject(Options::default());
    disk.hold(|| begin(Box::pin(store.commit(commit(user(1), 0)))));
    store.catalog_was_read().await;
    disk.release();
    insist(&store, commit(user(2), 0)).await;
    assert!(store.is_healthy());
    assert_at(&store, user(1), 1).await;
}

#[tokio::test]
async fn what_cannot_be_read_when_the_catalogue_was_read_has_the_file_reopened() {
    let Subject { store, disk, _dir } = subject(Options::default());
    store.commit(commit(user(1), 0)).await.unwrap();
    disk.unreadable.store(true, Ordering::SeqCst);
    store.catalog_was_read().await;
    assert!(!store.is_healthy());
    disk.unreadable.store(false, Ordering::SeqCst);
    insist(&store, commit(user(2), 0)).await;
    assert!(store.is_healthy());
    assert_at(&store, user(1), 1).await;
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let Subject { store, disk, _dir } = subject(Options {
        queue: 2,
        ..Options::default()
    });
    disk.hold(|| begin(Box::pin(store.commit(commit(user(1), 0)))));
    begin(Box::pin(store.commit(commit(user(1), 1))));
    begin(Box::pin(store.commit(commit(user(1), 2))));
    let refused = store.commit(commit(user(1), 3)).await;
    assert_eq!(
        refused,
        Err(Error::Unavailable("too many writes are waiting".to_owned()))
    );
    disk.release();
    // What was queued is written although nobody waits for it any more.
    insist(&store, commit(user(2), 0)).await;
    assert_at(&store, user(1), 3).await;
}

#[tokio::test]
async fn waiting_commits_are_folded_and_each_is_decided_by_itself() {
    let Subject { store, disk, _dir } = subject(Options::default());
    let before = store.transactions();
    disk.hold(|| begin(Box::pin(store.commit(commit(user(1), 0)))));
    let mut waiting: Vec<_> = (2..66)
        .map(|number| Box::pin(store.commit(commit(user(number), u64::from(number == 9)))))
        .collect();
    let mut context = Context::from_waker(Waker::noop());
    for commit in &mut waiting {
        assert!(commit.as_mut().poll(&mut context).is_pending());
    }
    disk.release();
    let results = join_all(waiting).await;
    for (number, result) in (2..).zip(results) {
        let expected = if number == 9 {
            Err(Error::Conflict)
        } else {
            Ok(())
        };
        assert_eq!(result, expected, "{number}");
    }
    assert_eq!(store.transactions() - before, 2);
}

#[tokio::test]
async fn closing_finishes_what_waits() {
    let Subject { store, disk, _dir } = subject(Options::default());
    disk.hold(|| begin(Box::pin(store.raise_low_water(1))));
    begin(Box::pin(store.commit(commit(user(1), 0))));
    disk.release();
    drop(store);
    let store = EmbeddedStore::open(_dir.path(), Arc::new(SystemClock), Options::default());
    assert_at(&store.unwrap(), user(1), 1).await;
}

/// What is written and not synced is lost, of both files. The journal is so short that it is full
/// again and again.
#[tokio::test]
async fn what_was_acknowledged_survives_a_loss_of_power() {
    let Subject { store, disk, _dir } = subject(Options {
        journal_bytes: 3 * 4_096,
        ..Options::default()
    });
    for expected in 0..20 {
        store.commit(commit(user(1), expected)).await.unwrap();
        store.commit(commit(user(2), expected)).await.unwrap();
        if expected % 5 == 4 {
            store.catalog_was_read().await;
        }
        let left = tempfile::tempdir().unwrap();
        let names = ["cartwright.redb", "cartwright.journal"];
        for (name, synced) in names.iter().zip(&*disk.synced.lock().unwrap()) {
            std::fs::write(left.path().join(name), &*synced.lock().unwrap()).unwrap();
        }
        let again = opened(left, Options::default());
        assert_at(&again.store, user(1), expected + 1).await;
        assert_at(&again.store, user(2), expected + 1).await;
    }
}
