//! What expires is removed, and nothing else. For stores that take the time from a clock of ours.

use super::samples::*;
use super::{ManualClock, Subject, embedded, memory};
use cartwright::domain::account::KEY_LIFE;
use cartwright::domain::ids::UserId;
use cartwright::domain::stock::{Hold, HoldState, StockLevel};
use cartwright::domain::time::{Millis, Timestamp};
use cartwright::sources::Clock;
use cartwright::store::{
    Change, Commit, HOLD_LIFE, LOGIN_KEPT, StockWrite, Store, UserWrite, Version,
};

#[tokio::test]
async fn keys_in_memory() {
    let Subject { store, clock, _dir } = memory();
    keys_expire(&store, &clock).await;
}

#[tokio::test]
async fn keys_embedded() {
    let Subject { store, clock, _dir } = embedded();
    keys_expire(&store, &clock).await;
}

#[tokio::test]
async fn holds_in_memory() {
    let Subject { store, clock, _dir } = memory();
    terminal_holds_expire(&store, &clock).await;
}

#[tokio::test]
async fn holds_embedded() {
    let Subject { store, clock, _dir } = embedded();
    terminal_holds_expire(&store, &clock).await;
}

#[tokio::test]
async fn bounded_in_memory() {
    let Subject { store, clock, _dir } = memory();
    a_sweep_is_bounded_and_catches_up(&store, &clock).await;
}

#[tokio::test]
async fn bounded_embedded() {
    let Subject { store, clock, _dir } = embedded();
    a_sweep_is_bounded_and_catches_up(&store, &clock).await;
}

#[tokio::test]
async fn logins_in_memory() {
    let Subject { store, clock, _dir } = memory();
    logins_are_forgotten_whole(&store, &clock).await;
}

#[tokio::test]
async fn logins_embedded() {
    let Subject { store, clock, _dir } = embedded();
    logins_are_forgotten_whole(&store, &clock).await;
}

async fn use_keys(
    store: &impl Store,
    user: UserId,
    expected: Version,
    keys: impl IntoIterator<Item = String>,
    at: Timestamp,
) {
    let write = UserWrite {
        keys: keys.into_iter().map(|key| (key, key_use(at))).collect(),
        ..UserWrite::default()
    };
    let commit = commit(user, expected, write_id(expected.into()), write);
    store.commit(commit).await.unwrap();
}

/// Any write sweeps; this one touches nothing else.
async fn sweep(store: &impl Store) {
    store.raise_low_water(0).await.unwrap();
}

pub(crate) async fn keys_expire(store: &impl Store, clock: &ManualClock) {
    let user = user_id(1);
    let key = |text: &str| text.to_owned();
    let write = UserWrite {
        account: Some(account()),
        orders: vec![order(user, 1)],
        ..cart_write(1)
    };
    let first = commit(user, 0, write_id(0), write);
    store.commit(first).await.unwrap();
    use_keys(store, user, 1, ["old", "again"].map(key), clock.now()).await;
    clock.advance(Millis::hours(1));
    use_keys(store, user, 2, [key("again"), key("new")], clock.now()).await;

    clock.advance(Millis(KEY_LIFE.0 - Millis::hours(1).0 - 1));
    sweep(store).await;
    assert!(store.key_use(user, key("old")).await.unwrap().is_some());

    clock.advance(Millis(1));
    sweep(store).await;
    assert_eq!(store.key_use(user, key("old")).await, Ok(None));
    for live in ["again", "new"] {
        assert!(store.key_use(user, key(live)).await.unwrap().is_some());
    }

    clock.advance(Millis::hours(1));
    sweep(store).await;
    for expired in ["again", "new"] {
        assert_eq!(store.key_use(user, key(expired)).await, Ok(None));
    }
    let found = store.user(user).await.unwrap();
    assert_eq!((found.version, found.value.account), (3, Some(account())));
    assert_eq!(found.value.cart.revision, 1);
    assert!(store.order(user, order_id(1)).await.unwrap().is_some());
}

pub(crate) async fn terminal_holds_expire(store: &impl Store, clock: &ManualClock) {
    let item = sku("A");
    let hold = |state| Hold { quantity: 1, state };
    let level = StockLevel {
        received: 9,
        available: 7,
        held: 1,
        sold: 1,
    };
    let write = StockWrite {
        level,
        holds: vec![
            (order_id(1), hold(HoldState::Held)),
            (order_id(2), hold(HoldState::Sold)),
            (order_id(3), hold(HoldState::Released)),
        ],
        at: clock.now(),
    };
    let commit = Commit {
        expected: 0,
        write: write_id(0),
        change: Change::Stock(item.clone(), write),
    };
    store.commit(commit).await.unwrap();
    let states = async || {
        let orders = [1, 2, 3].map(order_id).to_vec();
        let holds = store.holds(item.clone(), orders).await.unwrap();
        holds.iter().map(Option::is_some).collect::<Vec<_>>()
    };
    clock.advance(Millis(HOLD_LIFE.0 - 1));
    sweep(store).await;
    assert_eq!(states().await, [true, true, true]);
    clock.advance(Millis(1));
    sweep(store).await;
    assert_eq!(states().await, [true, false, false]);
    clock.advance(Millis::days(10_000));
    sweep(store).await;
    assert_eq!(states().await, [true, false, false]);
    let found = store.stock(item.clone()).await.unwrap();
    assert_eq!((found.version, found.value), (1, level));
}

async fn logins_are_forgotten_whole(store: &impl Store, clock: &ManualClock) {
    let [begun, taken, again] = [1, 2, 3].map(login_id);
    let write = async |login, expected: Version, pending| {
        let write = write_id(expected.into());
        let commit = login_commit(login, expected, write, pending, clock.now());
        store.commit(commit).await.unwrap();
    };
    for login in [begun, taken, again] {
        write(login, 0, Some(pending_login())).await;
    }
    clock.advance(Millis(1));
    write(taken, 1, None).await;
    let versions = async || {
        let mut versions = Vec::new();
        for login in [begun, taken, again] {
            versions.push(store.login(login).await.unwrap().version);
        }
        versions
    };
    clock.advance(Millis(LOGIN_KEPT.0 - 2));
    sweep(store).await;
    assert_eq!(versions().await, [1, 2, 1]);
    write(again, 1, Some(pending_login())).await;
    clock.advance(Millis(1));
    sweep(store).await;
    assert_eq!(versions().await, [0, 2, 2]);
    clock.advance(Millis(1));
    sweep(store).await;
    assert_eq!(versions().await, [0, 0, 2]);
    write(begun, 0, Some(pending_login())).await;
    let anew = store.login(begun).await.unwrap();
    assert_eq!((anew.version, anew.value), (1, Some(pending_login())));
}

async fn a_sweep_is_bounded_and_catches_up(store: &impl Store, clock: &ManualClock) {
    let user = user_id(1);
    let keys: Vec<_> = (0..1_300).map(|number| format!("k{number}")).collect();
    use_keys(store, user, 0, keys.clone(), clock.now()).await;
    clock.advance(KEY_LIFE);
    let left = async || {
        let mut left = 0;
        for key in &keys {
            left += usize::from(store.key_use(user, key.clone()).await.unwrap().is_some());
        }
        left
    };
    sweep(store).await;
    let after_one = left().await;
    assert!((1..1_300).contains(&after_one), "{after_one}");
    sweep(store).await;
    sweep(store).await;
    assert_eq!(left().await, 0);
}
