//! What every store must do. Generic functions, one per promise; [`contract_tests`] makes a test
//! of each for a store.

use super::samples::*;
use cartwright::domain::access::RoleBook;
use cartwright::domain::cart::Cart;
use cartwright::domain::catalog::Product;
use cartwright::domain::identity::Subject;
use cartwright::domain::stock::{Hold, HoldState, StockKey, StockLevel};
use cartwright::domain::time::Timestamp;
use cartwright::store::{
    CATALOG_LOG, CatalogKey, CatalogRow, Change, Changes, Commit, Error, LoginWrite, Outcome,
    Partition, SLOTS, StockWrite, Store, UserWrite, bucket, encoding,
};
use futures::future::join_all;
use std::collections::BTreeSet;
use std::sync::Arc;

/// `contract_tests!(name, subject)`: a module of tests; `subject` is evaluated once per test and
/// has the store in its field `store`.
macro_rules! contract_tests {
    ($name:ident, $subject:expr) => {
        $crate::store::contract::contract_tests!(@cases $name, $subject,
            a_conflict_changes_nothing,
            every_partition_counts_its_own_commits,
            what_is_not_written_stays,
            an_outcome_is_told_for_as_many_commits_as_there_are_slots,
            of_commits_at_one_version_exactly_one_wins,
            an_empty_write_is_a_fence,
            a_read_sees_one_version,
            orders_come_newest_first_and_exactly_as_many_as_asked_for,
            an_order_is_found_by_its_user_alone,
            an_attempt_names_the_owner_of_its_order_for_good,
            keys_are_one_users_own,
            stock_and_holds_change_together,
            attempts_lie_in_buckets,
            the_low_water_mark_never_falls,
            a_claim_is_taken_once,
            a_subject_is_linked_once,
            a_login_is_taken_once,
            administrators_change_as_a_whole,
            roles_change_as_a_whole,
            catalog_pages_neither_skip_nor_repeat,
            the_shop_is_sorted,
            catalog_records_are_replaced_and_found_by_key,
            changes_of_the_catalogue_are_logged_in_order,
            a_log_that_was_pruned_or_never_got_there_says_so,
            a_cart_as_large_as_allowed_is_kept,
        );
    };
    (@cases $name:ident, $subject:expr, $($case:ident,)*) => {
        mod $name {
            $(
                #[tokio::test]
                async fn $case() {
                    let subject = $subject;
                    $crate::store::contract::$case(&subject.store).await;
                }
            )*
        }
    };
}
pub(crate) use contract_tests;

pub(crate) async fn a_conflict_changes_nothing(store: &impl Store) {
    let user = user_id(1);
    let first = commit(user, 0, write_id(0), cart_write(1));
    store.commit(first).await.unwrap();
    for (number, wrong) in [(1, 0), (2, 2), (3, u64::MAX)] {
        let write = UserWrite {
            account: Some(account()),
            orders: vec![order(user, 1)],
            keys: vec![("k".to_owned(), key_use(NOW))],
            ..cart_write(2)
        };
        let refused = store.commit(commit(user, wrong, write_id(number), write));
        assert_eq!(refused.await, Err(Error::Conflict));
    }
    let found = store.user(user).await.unwrap();
    assert_eq!(found.version, 1);
    assert_eq!(found.value.cart.revision, 1);
    assert_eq!(found.value.account, None);
    assert_eq!(store.order(user, order_id(1)).await, Ok(None));
    assert_eq!(store.orders(user, u64::MAX, 10).await, Ok(vec![]));
    assert_eq!(store.key_use(user, "k".to_owned()).await, Ok(None));
}

pub(crate) async fn every_partition_counts_its_own_commits(store: &impl Store) {
    let stock = StockWrite {
        level: StockLevel::default(),
        holds: vec![],
        at: NOW,
    };
    let promotion = StockKey::Promotion(code("A"));
    let login_write = LoginWrite {
        pending: None,
        at: NOW,
    };
    let changes = [
        Change::User(user_id(1), UserWrite::default()),
        Change::User(user_id(2), UserWrite::default()),
        Change::Stock(sku("A"), stock.clone()),
        Change::Stock(sku("AB"), stock.clone()),
        Change::Stock(promotion, stock),
        Change::Claim(email("a@example.com"), claim()),
        Change::Subject(subject("1"), issued_claim()),
        Change::Subject(subject("11"), issued_claim()),
        Change::Login(login_id(0), login_write.clone()),
        Change::Login(login_id(1), login_write),
        Change::Administrators(BTreeSet::new()),
        Change::Roles(role_book()),
    ];
    for (commits, change) in (1..).zip(&changes) {
        for expected in 0..commits {
            let commit = Commit {
                expected,
                write: write_id(expected.into()),
                change: change.clone(),
            };
            assert_eq!(store.commit(commit).await, Ok(()), "{change:?}");
        }
    }
    for (commits, change) in (1..).zip(&changes) {
        let version = match change.partition() {
            Partition::User(id) => store.user(id).await.unwrap().version,
            Partition::Stock(key) => store.stock(key).await.unwrap().version,
            Partition::Claim(email) => store.claim(email).await.unwrap().version,
            Partition::Subject(subject) => store.subject(subject).await.unwrap().version,
            Partition::Login(login) => store.login(login).await.unwrap().version,
            Partition::Administrators => store.administrators().await.unwrap().version,
            Partition::Roles => store.roles().await.unwrap().version,
            Partition::View => store.view().await.unwrap().version,
            Partition::Node(id) => store.node(id).await.unwrap().version,
        };
        assert_eq!(version, commits, "{change:?}");
    }
}

pub(crate) async fn what_is_not_written_stays(store: &impl Store) {
    let user = user_id(1);
    let writes = [
        UserWrite {
            account: Some(account()),
            ..UserWrite::default()
        },
        cart_write(4),
        UserWrite {
            orders: vec![order(user, 1)],
            ..UserWrite::default()
        },
    ];
    for (expected, write) in (0..).zip(writes) {
        let commit = commit(user, expected, write_id(expected.into()), write);
        store.commit(commit).await.unwrap();
    }
    let found = store.user(user).await.unwrap();
    assert_eq!(found.version, 3);
    assert_eq!(found.value.account, Some(account()));
    assert_eq!(found.value.cart, *cart_write(4).cart.unwrap());
    let nobody = store.user(user_id(9)).await.unwrap();
    assert_eq!((nobody.version, nobody.value), Default::default());
}

pub(crate) async fn an_outcome_is_told_for_as_many_commits_as_there_are_slots(store: &impl Store) {
    let user = user_id(1);
    let told = async |expected, number| {
        let outcome = store.outcome(Partition::User(user), expected, write_id(number));
        outcome.await.unwrap()
    };
    assert_eq!(told(0, 0).await, Outcome::NotYet);
    for expected in 0..=SLOTS {
        let write = write_id(expected.into());
        let fence = commit(user, expected, write, UserWrite::default());
        store.commit(fence).await.unwrap();
        let oldest = expected.saturating_sub(SLOTS - 1);
        assert_eq!(told(oldest, oldest.into()).await, Outcome::Applied);
        assert_eq!(told(expected, 99).await, Outcome::Never);
        assert_eq!(told(expected + 1, 99).await, Outcome::NotYet);
    }
    assert_eq!(told(0, 0).await, Outcome::Overwritten);
    assert_eq!(told(0, 99).await, Outcome::Overwritten);
    assert_eq!(told(1, 1).await, Outcome::Applied);
}

pub(crate) async fn of_commits_at_one_version_exactly_one_wins(store: &impl Store) {
    let user = user_id(1);
    for expected in 0..4 {
        let base = u128::from(expected) * 100;
        let commits = (0..32).map(|number| {
            let revision = u64::try_from(base + number).unwrap();
            let write = cart_write(revision);
            store.commit(commit(user, expected, write_id(base + number), write))
        });
        let results = join_all(commits).await;
        let won: Vec<_> = (base..).zip(&results).filter(|(_, r)| r.is_ok()).collect();
        let [(winner, _)] = won[..] else {
            panic!("{} won", won.len());
        };
        let lost = results.iter().filter(|r| **r == Err(Error::Conflict));
        assert_eq!(lost.count(), 31);
        let found = store.user(user).await.unwrap();
        assert_eq!(found.version, expected + 1);
        assert_eq!(u128::from(found.value.cart.revision), winner);
        let outcome = store.outcome(Partition::User(user), expected, write_id(winner));
        assert_eq!(outcome.await, Ok(Outcome::Applied));
    }
}

pub(crate) async fn an_empty_write_is_a_fence(store: &impl Store) {
    let user = user_id(1);
    let write =
        |expected, number, write| store.commit(commit(user, expected, write_id(number), write));
    write(0, 0, cart_write(1)).await.unwrap();
    write(1, 1, UserWrite::default()).await.unwrap();
    assert_eq!(write(1, 2, cart_write(2)).await, Err(Error::Conflict));
    let outcome = store.outcome(Partition::User(user), 1, write_id(2)).await;
    assert_eq!(outcome, Ok(Outcome::Never));
    let found = store.user(user).await.unwrap();
    assert_eq!((found.version, found.value.cart.revision), (2, 1));
}

pub(crate) async fn a_read_sees_one_version(store: &impl Store) {
    let user = user_id(1);
    for expected in 0..40 {
        let write = cart_write(expected + 1);
        let commit = store.commit(commit(user, expected, write_id(expected.into()), write));
        let reads = join_all((0..8).map(|_| store.user(user)));
        let (committed, reads) = futures::join!(commit, reads);
        assert_eq!(committed, Ok(()));
        let after = store.user(user).await;
        assert_eq!(after.as_ref().unwrap().version, expected + 1);
        for found in reads.into_iter().chain([after]) {
            let found = found.unwrap();
            let revision = found.value.cart.revision;
            assert_eq!(found.version, revision);
        }
    }
}

pub(crate) async fn orders_come_newest_first_and_exactly_as_many_as_asked_for(store: &impl Store) {
    for user in [user_id(1), user_id(2)] {
        for expected in 0..7 {
            let write = UserWrite {
                orders: vec![order(user, expected * 50 + 1)],
                keys: vec![("k".to_owned(), key_use(NOW))],
                ..cart_write(expected)
            };
            let commit = commit(user, expected, write_id(expected.into()), write);
            store.commit(commit).await.unwrap();
        }
    }
    for (from, limit, expected) in [
        (u64::MAX, 3, &[301, 251, 201][..]),
        (301, 1, &[301]),
        (300, 2, &[251, 201]),
        (150, 10, &[101, 51, 1]),
        (u64::MAX, u32::MAX, &[301, 251, 201, 151, 101, 51, 1]),
        (u64::MAX, 0, &[]),
        (0, 10, &[]),
    ] {
        let page = store.orders(user_id(1), from, limit).await.unwrap();
        let numbers: Vec<_> = page.iter().map(|order| order.seq).collect();
        assert_eq!(numbers, expected, "from {from}, at most {limit}");
        assert!(page.iter().all(|order| order.user_id == user_id(1)));
    }
}

pub(crate) async fn an_order_is_found_by_its_user_alone(store: &impl Store) {
    let user = user_id(1);
    let write = UserWrite {
        orders: vec![order(user, 1), order(user, 2)],
        ..UserWrite::default()
    };
    store
        .commit(commit(user, 0, write_id(0), write))
        .await
        .unwrap();
    for seq in [1, 2] {
        let found = store.order(user, order_id(seq.into())).await;
        assert_eq!(found, Ok(Some(order(user, seq))));
    }
    assert_eq!(store.order(user_id(2), order_id(1)).await, Ok(None));
    assert_eq!(store.order(user, order_id(3)).await, Ok(None));
}

pub(crate) async fn an_attempt_names_the_owner_of_its_order_for_good(store: &impl Store) {
    let attempt = attempt(order_id(1), user_id(1), NOW);
    assert_eq!(store.order_owner(order_id(1)).await, Ok(None));
    store.put_attempt(attempt).await.unwrap();
    assert_eq!(store.order_owner(order_id(1)).await, Ok(Some(user_id(1))));
    let removed = store.remove_attempt(bucket(NOW), order_id(1)).await;
    removed.unwrap();
    assert_eq!(store.order_owner(order_id(1)).await, Ok(Some(user_id(1))));
    assert_eq!(store.order_owner(order_id(2)).await, Ok(None));
}

pub(crate) async fn keys_are_one_users_own(store: &impl Store) {
    let user = user_id(1);
    let used = |at: Timestamp| UserWrite {
        keys: vec![
            ("k".to_owned(), key_use(at)),
            ("~".repeat(255), key_use(NOW)),
        ],
        ..UserWrite::default()
    };
    let write = |expected, at| commit(user, expected, write_id(expected.into()), used(at));
    store.commit(write(0, NOW)).await.unwrap();
    let key = |user, key: &str| store.key_use(user, key.to_owned());
    assert_eq!(key(user, "k").await, Ok(Some(key_use(NOW))));
    assert_eq!(key(user, &"~".repeat(255)).await, Ok(Some(key_use(NOW))));
    assert_eq!(key(user, &"~".repeat(254)).await, Ok(None));
    assert_eq!(key(user, "kk").await, Ok(None));
    assert_eq!(key(user_id(2), "k").await, Ok(None));
    let later = Timestamp(NOW.0 + 1);
    store.commit(write(1, later)).await.unwrap();
    assert_eq!(key(user, "k").await, Ok(Some(key_use(later))));
}

pub(crate) async fn stock_and_holds_change_together(store: &impl Store) {
    let level = |held, sold| StockLevel {
        received: 10,
        available: 10 - held - sold,
        held,
        sold,
    };
    let hold = |quantity, state| Hold { quantity, state };
    let item = sku("A");
    let write = |expected: u64, level, holds| Commit {
        expected,
        write: write_id(expected.into()),
        change: Change::Stock(
            item.clone(),
            StockWrite {
                level,
                holds,
                at: NOW,
            },
        ),
    };
    let empty = store.stock(item.clone()).await.unwrap();
    assert_eq!((empty.version, empty.value), Default::default());

    let held = hold(3, HoldState::Held);
    let both = vec![(order_id(1), held), (order_id(2), held)];
    store.commit(write(0, level(6, 0), both)).await.unwrap();
    let sold = vec![(order_id(1), hold(3, HoldState::Sold))];
    store.commit(write(1, level(3, 3), sold)).await.unwrap();
    let late = vec![(order_id(2), hold(0, HoldState::Released))];
    let refused = store.commit(write(1, level(0, 0), late)).await;
    assert_eq!(refused, Err(Error::Conflict));

    let found = store.stock(item.clone()).await.unwrap();
    assert_eq!((found.version, found.value), (2, level(3, 3)));
    let asked = vec![order_id(2), order_id(3), order_id(1)];
    let expected = vec![Some(held), None, Some(hold(3, HoldState::Sold))];
    assert_eq!(store.holds(item, asked.clone()).await, Ok(expected));
    for other in [sku("AB"), StockKey::Promotion(code("A"))] {
        let nothing = store.stock(other.clone()).await.unwrap();
        assert_eq!((nothing.version, nothing.value), Default::default());
        assert_eq!(store.holds(other, asked.clone()).await, Ok(vec![None; 3]));
    }
}

pub(crate) async fn attempts_lie_in_buckets(store: &impl Store) {
    let minute = bucket(NOW);
    let start = Timestamp(minute * 60_000);
    let end = Timestamp(start.0 + 59_999);
    let next = Timestamp(end.0 + 1);
    let put = |number, at| store.put_attempt(attempt(order_id(number), user_id(1), at));
    for (number, at) in [(1, start), (2, end), (3, next), (1, start)] {
        put(number, at).await.unwrap();
    }
    let orders = async |bucket| {
        let attempts = store.attempts(bucket).await.unwrap();
        let mut orders: Vec<_> = attempts.iter().map(|attempt| attempt.order_id).collect();
        orders.sort();
        orders
    };
    assert_eq!(orders(minute).await, [order_id(1), order_id(2)]);
    assert_eq!(orders(minute + 1).await, [order_id(3)]);
    assert_eq!(orders(minute - 1).await, []);
    let whole = store.attempts(minute + 1).await;
    assert_eq!(whole, Ok(vec![attempt(order_id(3), user_id(1), next)]));
    for _ in 0..2 {
        store.remove_attempt(minute, order_id(1)).await.unwrap();
    }
    store.remove_attempt(minute, order_id(3)).await.unwrap();
    assert_eq!(orders(minute).await, [order_id(2)]);
    assert_eq!(orders(minute + 1).await, [order_id(3)]);
}

pub(crate) async fn the_low_water_mark_never_falls(store: &impl Store) {
    assert_eq!(store.low_water().await, Ok(None));
    for (raised, stands) in [(-5, -5), (-7, -5), (100, 100), (99, 100), (100, 100)] {
        store.raise_low_water(raised).await.unwrap();
        assert_eq!(store.low_water().await, Ok(Some(stands)));
    }
}

pub(crate) async fn a_claim_is_taken_once(store: &impl Store) {
    let address = email("ann@example.com");
    let take = |write| Commit {
        expected: 0,
        write: write_id(write),
        change: Change::Claim(address.clone(), claim()),
    };
    let free = store.claim(address.clone()).await.unwrap();
    assert_eq!((free.version, free.value), (0, None));
    store.commit(take(1)).await.unwrap();
    assert_eq!(store.commit(take(2)).await, Err(Error::Conflict));
    let taken = store.claim(address).await.unwrap();
    assert_eq!((taken.version, taken.value), (1, Some(claim())));
    let other = store.claim(email("ann@example.co")).await.unwrap();
    assert_eq!((other.version, other.value), (0, None));
}

pub(crate) async fn a_subject_is_linked_once(store: &impl Store) {
    let link = |write| Commit {
        expected: 0,
        write: write_id(write),
        change: Change::Subject(subject("1"), issued_claim()),
    };
    let free = store.subject(subject("1")).await.unwrap();
    assert_eq!((free.version, free.value), (0, None));
    store.commit(link(1)).await.unwrap();
    assert_eq!(store.commit(link(2)).await, Err(Error::Conflict));
    let linked = store.subject(subject("1")).await.unwrap();
    assert_eq!((linked.version, linked.value), (1, Some(issued_claim())));
    let elsewhere = Subject::parse("https://issuer.example/", "1").unwrap();
    for other in [subject("11"), subject("~".repeat(255).as_str()), elsewhere] {
        let free = store.subject(other).await.unwrap();
        assert_eq!((free.version, free.value), (0, None));
    }
}

pub(crate) async fn a_login_is_taken_once(store: &impl Store) {
    let login = login_id(7);
    let write = |expected, write, pending| {
        store.commit(login_commit(login, expected, write_id(write), pending, NOW))
    };
    let none = store.login(login).await.unwrap();
    assert_eq!((none.version, none.value), (0, None));
    write(0, 1, Some(pending_login())).await.unwrap();
    assert_eq!(
        write(0, 2, Some(pending_login())).await,
        Err(Error::Conflict)
    );
    let pending = store.login(login).await.unwrap();
    assert_eq!((pending.version, pending.value), (1, Some(pending_login())));
    let takers = join_all((10..20).map(|taker| write(1, taker, None))).await;
    assert_eq!(takers.iter().filter(|taken| taken.is_ok()).count(), 1);
    let taken = store.login(login).await.unwrap();
    assert_eq!((taken.version, taken.value), (2, None));
    write(2, 30, Some(pending_login())).await.unwrap();
    assert_eq!(
        store.login(login).await.unwrap().value,
        Some(pending_login())
    );
    assert_eq!(store.login(login_id(8)).await.unwrap().version, 0);
}

pub(crate) async fn administrators_change_as_a_whole(store: &impl Store) {
    let set = |expected: u64, users: &[u128]| {
        let users = users.iter().copied().map(user_id).collect();
        store.commit(Commit {
            expected,
            write: write_id(expected.into()),
            change: Change::Administrators(users),
        })
    };
    let nobody = store.administrators().await.unwrap();
    assert_eq!((nobody.version, nobody.value), Default::default());
    set(0, &[1, 2]).await.unwrap();
    set(1, &[2]).await.unwrap();
    assert_eq!(set(1, &[1]).await, Err(Error::Conflict));
    let found = store.administrators().await.unwrap();
    assert_eq!(found.version, 2);
    assert_eq!(found.value, BTreeSet::from([user_id(2)]));
}

pub(crate) async fn roles_change_as_a_whole(store: &impl Store) {
    let write = |expected: u64, book: RoleBook| {
        store.commit(Commit {
            expected,
            write: write_id(expected.into()),
            change: Change::Roles(book),
        })
    };
    let never = store.roles().await.unwrap();
    assert_eq!((never.version, never.value), (0, None));
    write(0, RoleBook::built_in()).await.unwrap();
    write(1, role_book()).await.unwrap();
    let late = write(1, RoleBook::built_in()).await;
    assert_eq!(late, Err(Error::Conflict));
    let found = store.roles().await.unwrap();
    assert_eq!((found.version, found.value), (2, Some(role_book())));
}

pub(crate) async fn catalog_pages_neither_skip_nor_repeat(store: &impl Store) {
    let mut ids: Vec<String> = (0..23).map(|number| format!("id-{number}")).collect();
    ids.extend(["a", "a-", "aa", "é", "z", "id-1 x"].map(str::to_owned));
    let rows = ids.iter().flat_map(|id| {
        [
            CatalogRow::Product(Box::new(product(id))),
            CatalogRow::Category(category(id)),
            CatalogRow::Brand(brand(id)),
        ]
    });
    store.put_catalog(rows.collect()).await.unwrap();
    macro_rules! walk {
        ($page:ident, $sample:ident) => {
            let mut order_of_first = None;
            for limit in [1, 5, 29, 100] {
                let mut walked = Vec::new();
                let mut after = None;
                loop {
                    let page = store.$page(after, limit).await.unwrap();
                    assert!(page.len() <= usize::try_from(limit).unwrap());
                    let Some(last) = page.last() else { break };
                    after = Some(last.id.clone());
                    walked.extend(page);
                }
                let mut all: Vec<_> = ids.iter().map(|id| $sample(id)).collect();
                all.sort_by(|a, b| a.id.cmp(&b.id));
                // Which comes first is the store's own affair, but it is always the same one.
                let order: Vec<_> = walked.iter().map(|found| found.id.clone()).collect();
                let first = order_of_first.get_or_insert_with(|| order.clone());
                assert_eq!(*first, order);
                walked.sort_by(|a, b| a.id.cmp(&b.id));
                assert_eq!(walked, all);
            }
        };
    }
    walk!(products, product);
    walk!(categories, category);
    walk!(brands, brand);
}

pub(crate) async fn the_shop_is_sorted(store: &impl Store) {
    let empty = store.shop().await.unwrap();
    assert_eq!(empty.currency, None);
    assert!(empty.tax_rates.is_empty() && empty.shipping_methods.is_empty());
    let rates = [
        tax_rate("DE", None, 190_000),
        tax_rate("US", None, 1),
        tax_rate("US", Some("CA"), 72_500),
        tax_rate("US", Some("NY"), 87_500),
    ];
    let methods = [("b", 1), ("c", 1), ("a", 2), ("d", 10)];
    let methods = methods.map(|(id, position)| shipping_method(id, position));
    let currency = product("p").base_price.currency;
    let mut rows = vec![
        CatalogRow::Promotion(promotion("B")),
        CatalogRow::Promotion(promotion("A")),
        CatalogRow::Product(Box::new(product("p"))),
        CatalogRow::Currency(currency),
    ];
    rows.extend(rates.iter().rev().cloned().map(CatalogRow::TaxRate));
    rows.extend(
        methods
            .iter()
            .rev()
            .cloned()
            .map(CatalogRow::ShippingMethod),
    );
    store.put_catalog(rows).await.unwrap();
    let shop = store.shop().await.unwrap();
    assert_eq!(shop.currency, Some(currency));
    assert_eq!(shop.tax_rates, rates);
    assert_eq!(shop.shipping_methods, methods);
    let promotions = ["A", "B"].map(|of| (code(of), promotion(of)));
    assert_eq!(shop.promotions, promotions.into());
}

pub(crate) async fn catalog_records_are_replaced_and_found_by_key(store: &impl Store) {
    let rows = vec![
        CatalogRow::Product(Box::new(product("x"))),
        CatalogRow::Category(category("x")),
        CatalogRow::Brand(brand("x")),
        CatalogRow::TaxRate(tax_rate("US", Some("NY"), 1)),
        CatalogRow::TaxRate(tax_rate("US", None, 2)),
        CatalogRow::ShippingMethod(shipping_method("x", 1)),
        CatalogRow::Promotion(promotion("X")),
        CatalogRow::Currency(product("x").base_price.currency),
    ];
    let keys: Vec<_> = rows.iter().rev().map(CatalogRow::key).collect();
    let unknown = CatalogKey::Product(product("y").id);
    assert_eq!(
        store.catalog_rows(keys.clone()).await,
        Ok(vec![None; rows.len()])
    );
    for _ in 0..2 {
        store.put_catalog(rows.clone()).await.unwrap();
        let asked = keys.iter().cloned().chain([unknown.clone()]).collect();
        let expected = rows.iter().rev().cloned().map(Some).chain([None]);
        assert_eq!(store.catalog_rows(asked).await, Ok(expected.collect()));
    }
    let mut changed = product("x");
    changed.name = "Other".to_owned();
    let changed = CatalogRow::Product(Box::new(changed));
    store.put_catalog(vec![changed.clone()]).await.unwrap();
    let found = store.catalog_rows(vec![changed.key()]).await;
    assert_eq!(found, Ok(vec![Some(changed.clone())]));
    let most = vec![changed.clone(); 256];
    assert_eq!(store.put_catalog(most).await, Ok(()));
    let too_many = store.put_catalog(vec![changed; 257]).await;
    assert!(matches!(too_many, Err(Error::Unavailable(_))));
}

fn named(id: &str, name: &str) -> CatalogRow {
    CatalogRow::Product(Box::new(Product {
        name: name.to_owned(),
        ..product(id)
    }))
}

pub(crate) async fn changes_of_the_catalogue_are_logged_in_order(store: &impl Store) {
    assert_eq!(store.catalog_position().await, Ok(0));
    let nothing = Changes::Keys {
        keys: vec![],
        position: 0,
    };
    assert_eq!(store.catalog_changes(0, 10).await, Ok(nothing));
    let batches = [
        vec![
            named("b", "1"),
            CatalogRow::Category(category("x")),
            named("a", "1"),
        ],
        vec![
            CatalogRow::TaxRate(tax_rate("US", Some("NY"), 1)),
            named("b", "2"),
        ],
        vec![CatalogRow::Currency(product("x").base_price.currency)],
    ];
    let mut written = Vec::new();
    for (number, batch) in (0..).zip(batches) {
        let before = store.catalog_position().await.unwrap();
        let keys: Vec<_> = batch.iter().map(CatalogRow::key).collect();
        store.put_catalog(batch).await.unwrap();
        let position = store.catalog_position().await.unwrap();
        assert!(position > before, "batch {number}");
        written.extend(keys.clone());
        let since = store.catalog_changes(before, 100).await;
        assert_eq!(since, Ok(Changes::Keys { keys, position }));
    }
    for limit in [1, 2, 4, 6, 100] {
        let (mut walked, mut after) = (Vec::new(), 0);
        loop {
            let page = store.catalog_changes(after, limit).await.unwrap();
            let Changes::Keys { keys, position } = page else {
                panic!("lost after {after}");
            };
            assert!(keys.len() <= usize::try_from(limit).unwrap());
            assert_eq!(keys.is_empty(), position == after);
            if keys.is_empty() {
                break;
            }
            walked.extend(keys);
            after = position;
        }
        assert_eq!(walked, written, "by {limit}");
        assert_eq!(store.catalog_position().await, Ok(after));
    }
}

pub(crate) async fn a_log_that_was_pruned_or_never_got_there_says_so(store: &impl Store) {
    assert_eq!(store.catalog_changes(1, 10).await, Ok(Changes::Lost));
    let batches = CATALOG_LOG / 256;
    for batch in 0..=batches {
        let row = |number: u64| CatalogRow::Brand(brand(&format!("b-{batch}-{number}")));
        store
            .put_catalog((0..256).map(row).collect())
            .await
            .unwrap();
    }
    let end = store.catalog_position().await.unwrap();
    assert_eq!(store.catalog_changes(0, 10).await, Ok(Changes::Lost));
    assert_eq!(store.catalog_changes(end + 1, 10).await, Ok(Changes::Lost));
    let kept = |after| async move {
        match store.catalog_changes(after, u32::MAX).await.unwrap() {
            Changes::Keys { keys, position } => (keys.len() as u64, position),
            Changes::Lost => panic!("{after} of {end} is lost"),
        }
    };
    assert_eq!(kept(end).await, (0, end));
    assert_eq!(kept(end - CATALOG_LOG).await, (CATALOG_LOG, end));
    let beyond = store.catalog_changes(end - CATALOG_LOG - 1, 1).await;
    assert_eq!(beyond, Ok(Changes::Lost));
}

pub(crate) async fn a_cart_as_large_as_allowed_is_kept(store: &impl Store) {
    let limit = cartwright::domain::cart::MAX_BYTES;
    let mut cart = Cart {
        lines: vec![cart().lines.remove(0); 100],
        ..cart()
    };
    let missing = limit - encoding::cart_bytes(&cart) - 2;
    cart.lines[0].name.push_str(&"n".repeat(missing));
    assert_eq!(encoding::cart_bytes(&cart), limit);
    let user = user_id(1);
    for expected in 0..3 {
        cart.revision = expected;
        let write = UserWrite {
            cart: Some(Arc::new(cart.clone())),
            account: Some(account()),
            ..UserWrite::default()
        };
        let commit = commit(user, expected, write_id(expected.into()), write);
        store.commit(commit).await.unwrap();
        assert_eq!(store.user(user).await.unwrap().value.cart, cart);
    }
}
