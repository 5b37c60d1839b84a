//! What the embedded store promises besides the contract: one process, one file, nothing lost.

use super::samples::*;
use super::{ManualClock, Subject, embedded};
use cartwright::domain::ids::UserId;
use cartwright::store::embedded::{EmbeddedStore, OpenError, Options};
use cartwright::store::{
    Attempts, CatalogRow, Catalogs, Change, Changes, Claims, Commit, Commits, Error, UserWrite,
    Users, Version, bucket,
};
use futures::future::join_all;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn open(dir: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(dir, Arc::new(ManualClock::default()), Options::default())
}

fn file(dir: &Path) -> PathBuf {
    dir.join("cartwright.redb")
}

fn journal(dir: &Path) -> PathBuf {
    dir.join("cartwright.journal")
}

/// Changes the cart of a user at this version.
async fn change(store: &EmbeddedStore, user: UserId, expected: Version) {
    let write_id = write_id(u128::from(expected));
    let commit = commit(user, expected, write_id, cart_write(expected + 1));
    store.commit(commit).await.unwrap();
}

async fn fill(store: &EmbeddedStore) {
    for number in 0..20 {
        let user = user_id(number);
        let write = UserWrite {
            account: Some(account()),
            orders: vec![order(user, 1)],
            keys: vec![("k".to_owned(), key_use(NOW))],
            ..cart_write(1)
        };
        let commit = commit(user, 0, write_id(number), write);
        store.commit(commit).await.unwrap();
    }
    let claim = Commit {
        expected: 0,
        write: write_id(1),
        change: Change::Claim(email("ann@example.com"), claim()),
    };
    store.commit(claim).await.unwrap();
    let attempt = attempt(order_id(1), user_id(1), NOW);
    store.put_attempt(attempt).await.unwrap();
    store.raise_low_water(5).await.unwrap();
    fill_catalog(store).await;
}

async fn fill_catalog(store: &EmbeddedStore) {
    let rows = (0..200).map(|n| CatalogRow::Product(Box::new(product(&format!("p{n}")))));
    store.put_catalog(rows.collect()).await.unwrap();
}

async fn assert_filled(store: &EmbeddedStore) {
    for number in 0..20 {
        let user = user_id(number);
        let found = store.user(user).await.unwrap();
        assert_eq!((found.version, found.value.cart.revision), (1, 1));
        assert_eq!(found.value.account, Some(account()));
        let orders = store.orders(user, u64::MAX, 9).await;
        assert_eq!(orders, Ok(vec![order(user, 1)]));
        let key = store.key_use(user, "k".to_owned()).await;
        assert_eq!(key, Ok(Some(key_use(NOW))));
    }
    let taken = store.claim(email("ann@example.com")).await.unwrap();
    assert_eq!((taken.version, taken.value), (1, Some(claim())));
    assert_eq!(store.attempts(bucket(NOW)).await.unwrap().len(), 1);
    assert_eq!(store.low_water().await, Ok(Some(5)));
    assert_eq!(store.products(None, 1_000).await.unwrap().len(), 200);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    let Subject { store, _dir, .. } = embedded();
    let dir = _dir.unwrap();
    fill(&store).await;
    assert_filled(&store).await;
    store.close();
    store.close();
    let refused = store.raise_low_water(6).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))));
    assert!(matches!(
        store.low_water().await,
        Err(Error::Unavailable(_))
    ));
    assert!(!store.is_healthy());
    let store = open(dir.path()).unwrap();
    assert!(store.is_healthy());
    assert_filled(&store).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash() {
    let Subject { store, _dir, .. } = embedded();
    let dir = _dir.unwrap();
    fill(&store).await;
    let crashed = copied(dir.path());
    let recovered = open(crashed.path()).unwrap();
    assert_filled(&recovered).await;
    let user = user_id(0);
    let fence = commit(user, 1, write_id(50), UserWrite::default());
    assert_eq!(recovered.commit(fence).await, Ok(()));
}

/// The journal is so short that it is full again and again, and what it had held is still there.
#[tokio::test]
async fn whenever_it_crashes_what_was_acknowledged_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        journal_bytes: 3 * 4_096,
        ..Options::default()
    };
    let clock = Arc::new(ManualClock::default());
    let store = EmbeddedStore::open(dir.path(), clock, options).unwrap();
    let user = user_id(1);
    for expected in 0..20 {
        let write = UserWrite {
            orders: vec![order(user, expected + 1)],
            ..cart_write(expected + 1)
        };
        let number = u128::from(expected);
        let ours = commit(user, expected, write_id(number), write);
        store.commit(ours).await.unwrap();
        let attempt = attempt(order_id(number), user, NOW);
        store.put_attempt(attempt).await.unwrap();
        if expected % 5 == 4 {
            store.catalog_was_read().await;
        }
        let crashed = copied(dir.path());
        let recovered = open(crashed.path()).unwrap();
        let found = recovered.user(user).await.unwrap();
        let version = expected + 1;
        assert_eq!(
            (found.version, found.value.cart.revision),
            (version, version)
        );
        let orders = recovered.orders(user, u64::MAX, 99).await.unwrap();
        let attempts = recovered.attempts(bucket(NOW)).await.unwrap();
        let counts = [orders.len(), attempts.len()].map(|count| u64::try_from(count).unwrap());
        assert_eq!(counts, [version, version]);
        // It crashes again before it has written anything.
        let again = copied(crashed.path());
        drop(recovered);
        let recovered = open(again.path()).unwrap();
        for version in [version, version + 1] {
            assert_eq!(recovered.user(user).await.unwrap().version, version);
            let fence = commit(user, version, write_id(99), UserWrite::default());
            recovered.commit(fence).await.unwrap();
        }
        let third = copied(again.path());
        drop(recovered);
        let recovered = open(third.path()).unwrap();
        assert_eq!(recovered.user(user).await.unwrap().version, version + 2);
    }
}

/// A check of the database, as it is made to empty its cache, commits it durably.
#[tokio::test]
async fn what_the_database_has_of_the_journal_is_not_taken_in_twice() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let user = user_id(1);
    for expected in 0..6 {
        change(&store, user, expected).await;
        if expected == 3 {
            store.catalog_was_read().await;
        }
        let crashed = copied(dir.path());
        let recovered = open(crashed.path()).unwrap();
        assert_eq!(recovered.user(user).await.unwrap().version, expected + 1);
    }
}

#[tokio::test]
async fn a_record_that_a_crash_cut_short_is_none_and_one_before_it_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let user = user_id(1);
    for expected in 0..4 {
        change(&store, user, expected).await;
    }
    // The first commit is in the database, the others are a block of the journal each.
    for (block, version) in [(0, None), (1, None), (2, Some(3)), (3, Some(4))] {
        let crashed = copied(dir.path());
        let mut bytes = std::fs::read(journal(crashed.path())).unwrap();
        bytes[block * 4_096 + 40] ^= 1;
        std::fs::write(journal(crashed.path()), bytes).unwrap();
        match (open(crashed.path()), version) {
            (Ok(store), Some(version)) => {
                assert_eq!(store.user(user).await.unwrap().version, version);
            }
            (Err(error @ OpenError::Damaged { .. }), None) => {
                let told = error.to_string();
                let number = block + 1;
                assert!(told.contains("cartwright.journal"), "{told}");
                let record = format!("record {number} of the journal is damaged");
                assert!(told.ends_with(&record), "{told}");
            }
            (opened, _) => panic!("{block}: {:?}", opened.map(|_| ())),
        }
    }
}

#[tokio::test]
async fn a_journal_that_is_missing_is_damage_unless_the_store_was_closed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    fill(&store).await;
    let crashed = copied(dir.path());
    std::fs::remove_file(journal(crashed.path())).unwrap();
    let refused = open(crashed.path()).map(|_| ()).unwrap_err();
    let told = refused.to_string();
    assert!(
        told.contains("cartwright.journal is damaged: it is missing"),
        "{told}"
    );
    drop(store);
    std::fs::remove_file(journal(dir.path())).unwrap();
    assert_filled(&open(dir.path()).unwrap()).await;
}

/// The files as they are at this instant, never closed.
fn copied(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in [file, journal] {
        std::fs::copy(name(dir), name(copy.path())).unwrap();
    }
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_commits_share_transactions() {
    let store = Arc::new(embedded().store);
    let tasks = (0..64).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for expected in 0..8 {
                let write = write_id(number * 100 + u128::from(expected));
                let commit = commit(user_id(number), expected, write, cart_write(expected));
                store.commit(commit).await.unwrap();
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    let transactions = store.transactions();
    assert!((8..512).contains(&transactions), "{transactions}");
    for number in 0..64 {
        assert_eq!(store.user(user_id(number)).await.unwrap().version, 8);
    }
}

#[tokio::test]
async fn a_directory_has_one_store() {
    let Subject { store, _dir, .. } = embedded();
    let dir = _dir.unwrap();
    let refused = open(dir.path()).map(|_| ()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse(_)), "{refused:?}");
    let told = refused.to_string();
    let dir_name = dir.path().display();
    assert_eq!(
        told,
        format!("the data directory {dir_name} is in use by another process")
    );
    store.raise_low_water(1).await.unwrap();
}

#[cfg(unix)]
#[test]
fn the_data_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("a/b");
    drop(open(&dir).unwrap());
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let modes = [mode(&dir), mode(&file(&dir)), mode(&journal(&dir))];
    assert_eq!(modes, [0o700, 0o600, 0o600]);
}

#[test]
fn a_directory_that_cannot_be_made_is_told() {
    let parent = tempfile::tempdir().unwrap();
    let occupied = parent.path().join("file");
    std::fs::write(&occupied, "text").unwrap();
    let refused = open(&occupied).map(|_| ()).unwrap_err();
    assert!(matches!(refused, OpenError::Io(_)), "{refused:?}");
}

#[test]
fn a_file_of_a_later_version_is_told_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let later = 7_u32.to_be_bytes();
    {
        let meta = redb::TableDefinition::<&[u8], &[u8]>::new("meta");
        let database = redb::Database::open(file(dir.path())).unwrap();
        let transaction = database.begin_write().unwrap();
        let mut table = transaction.open_table(meta).unwrap();
        table
            .insert(b"format".as_slice(), later.as_slice())
            .unwrap();
        drop(table);
        transaction.commit().unwrap();
    }
    for _ in 0..2 {
        let refused = open(dir.path()).map(|_| ()).unwrap_err();
        assert!(
            matches!(refused, OpenError::Newer { found: 7, .. }),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn damage_is_told_at_opening() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    fill(&store).await;
    drop(store);
    let whole = std::fs::read(file(dir.path())).unwrap();
    let mut told = 0;
    let flips = (0..60).map(|step| {
        let mut bytes = whole.clone();
        let place = step * bytes.len() / 60 + 37;
        for byte in &mut bytes[place..place + 64] {
            *byte = !*byte;
        }
        bytes
    });
    for bytes in flips {
        std::fs::write(file(dir.path()), bytes).unwrap();
        match open(dir.path()) {
            // Pages that hold nothing may hold anything.
            Ok(store) => assert_filled(&store).await,
            Err(OpenError::Damaged { .. }) => told += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(told > 5, "{told}");
    let cut = [whole.len() / 2, 4_096, 100].map(|length| whole[..length].to_vec());
    for bytes in cut.into_iter().chain([b"no database at all".to_vec()]) {
        std::fs::write(file(dir.path()), bytes).unwrap();
        let refused = open(dir.path()).map(|_| ()).unwrap_err();
        assert!(matches!(refused, OpenError::Damaged { .. }), "{refused:?}");
    }
    std::fs::write(file(dir.path()), whole).unwrap();
    assert_filled(&open(dir.path()).unwrap()).await;
}

/// Such a file has the records and no log.
#[tokio::test]
async fn a_file_from_before_the_log_of_the_catalogue_opens_and_works() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    fill(&store).await;
    store.close();
    let logged = remove_log(&file(dir.path()));
    assert_eq!(logged, 200);
    let store = open(dir.path()).unwrap();
    assert_filled(&store).await;
    assert_eq!(store.catalog_position().await, Ok(0));
    let row = CatalogRow::Brand(brand("b"));
    let keys = vec![row.key()];
    store.put_catalog(vec![row]).await.unwrap();
    let changes = store.catalog_changes(0, 10).await;
    assert_eq!(changes, Ok(Changes::Keys { keys, position: 1 }));
    assert_filled(&store).await;
}

fn remove_log(file: &Path) -> usize {
    let database = redb::Database::open(file).unwrap();
    let transaction = database.begin_write().unwrap();
    let catalog: redb::TableDefinition<&[u8], &[u8]> = redb::TableDefinition::new("catalog");
    let mut table = transaction.open_table(catalog).unwrap();
    let log = table.extract_from_if::<&[u8], _>(&b"l"[..]..&b"m"[..], |_, _| true);
    let removed = log.unwrap().count();
    drop(table);
    transaction.commit().unwrap();
    removed
}

/// An import that is repeated is not to wake whoever follows the log.
#[tokio::test]
async fn records_that_are_put_again_equal_are_not_logged() {
    let Subject { store, _dir, .. } = embedded();
    fill(&store).await;
    let position = store.catalog_position().await.unwrap();
    fill_catalog(&store).await;
    assert_eq!(store.catalog_position().await, Ok(position));
}
