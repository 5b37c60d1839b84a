//! Clients and their counts, by a clock that the tests move.

use super::*;
use crate::config::RateLimit;
use std::net::Ipv6Addr;
use std::sync::atomic::AtomicU32;
use tokio::time::advance;
use uuid::Uuid;

fn limiter(limits: &str) -> Limiter {
    match limits.parse().unwrap() {
        RateLimit::On(limits) => Limiter::new(Some(&limits), Networks::default()),
        RateLimit::Off => Limiter::new(None, Networks::default()),
    }
}

fn table(limits: &str, most: usize) -> Table<u32> {
    match limits.parse().unwrap() {
        RateLimit::On(limits) => Table::new("user", limits.user, most),
        RateLimit::Off => unreachable!("these are limits"),
    }
}

impl Limiter {
    /// How many of many requests at once an address gets through.
    fn passed(&self, class: Class, client: &str) -> usize {
        let client = client.parse().unwrap();
        let ask = || self.count_address(class, client).is_ok();
        (0..100).filter(|_| ask()).count()
    }

    fn user_passed(&self, user: u128) -> usize {
        let user = UserId(Uuid::from_u128(user));
        (0..100).filter(|_| self.count_user(user).is_ok()).count()
    }
}

#[tokio::test(start_paused = true)]
async fn each_client_has_a_count_in_each_class() {
    let limiter = limiter("credentials=3/m,refresh=4/m,anonymous=5/s,user=6/s");
    let all = [
        (Class::Credentials, 3),
        (Class::Refresh, 4),
        (Class::Anonymous, 5),
    ];
    for client in ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"] {
        for (class, most) in all {
            assert_eq!(limiter.passed(class, client), most, "{class:?} {client}");
        }
    }
    // They are the neighbours of one that has asked, or it itself.
    for same in ["::ffff:192.0.2.1", "2001:db8::ffff:0:0:1", "2001:db8::2"] {
        assert_eq!(limiter.passed(Class::Anonymous, same), 0, "{same}");
    }
    assert_eq!((limiter.user_passed(1), limiter.user_passed(2)), (6, 6));
    assert_eq!(limiter.user_passed(1), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_counted_or_off_passes() {
    let on = limiter("credentials=1/h,refresh=1/h,anonymous=1/h,user=1/h");
    assert_eq!(on.passed(Class::Uncounted, "192.0.2.1"), 100);
    assert_eq!(on.passed(Class::User, "192.0.2.1"), 100);
    let off = limiter("off");
    for class in [Class::Credentials, Class::Refresh, Class::Anonymous] {
        assert_eq!(off.passed(class, "192.0.2.1"), 100, "{class:?}");
    }
    assert_eq!(off.user_passed(1), 100);
    off.sweep();
}

#[tokio::test(start_paused = true)]
async fn who_comes_again_when_told_is_let_in_and_no_sooner() {
    for (limits, pauses) in [
        ("credentials=30/m:60", [2, 2, 2]),
        // One every 8.57 s.
        ("credentials=7/m:3", [9, 9, 8]),
        ("credentials=100/s:1", [1, 1, 1]),
        ("credentials=3/s", [1, 1, 1]),
        ("credentials=1/h", [3_600; 3]),
        ("credentials=1/h:5", [3_600; 3]),
    ] {
        let limiter = limiter(limits);
        let client = "192.0.2.1".parse().unwrap();
        let ask = || limiter.count_address(Class::Credentials, client);
        // Some time has passed: a count need not begin when the clock does.
        advance(Duration::from_millis(12_345)).await;
        for pause in pauses {
            let refused = std::iter::repeat_with(ask).find_map(Result::err).unwrap();
            let seconds = refused.retry_after;
            assert_eq!(seconds, pause, "{limits}");
            let too_soon = Duration::from_secs(u64::from(seconds) - 1);
            advance(too_soon).await;
            assert!(too_soon.is_zero() || ask().is_err(), "{limits}");
            advance(Duration::from_secs(1)).await;
            assert_eq!(ask(), Ok(()), "{limits}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_gives_the_burst_back_and_no_more() {
    let table = table("user=10/s:5", 10);
    let burst = || (0..100).filter(|_| table.count(&1).is_ok()).count();
    assert_eq!(burst(), 5);
    advance(Duration::from_millis(300)).await;
    assert_eq!(burst(), 3);
    advance(Duration::from_secs(3_600)).await;
    assert_eq!(burst(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_million_addresses_fill_the_table_and_no_more() {
    let limiter = limiter("anonymous=1/s:2");
    let residents = "192.0.2.1";
    assert_eq!(limiter.passed(Class::Anonymous, residents), 2);
    let mut passed = 0;
    for number in 0..1_000_000_u128 {
        let attacker = IpAddr::V6(Ipv6Addr::from_bits(number << 64));
        let counted = limiter.count_address(Class::Anonymous, attacker);
        passed += usize::from(counted.is_ok());
    }
    let tables = limiter.tables.as_ref().unwrap();
    assert_eq!(tables.anonymous.len(), MAX_CLIENTS);
    // Those in the table, and two for each count that the others share.
    assert_eq!(passed, MAX_CLIENTS - 1 + 2 * 1024);
    // Who was there before keeps a count of its own.
    assert_eq!(limiter.passed(Class::Anonymous, residents), 0);
    advance(Duration::from_secs(1)).await;
    limiter.sweep();
    assert_eq!(limiter.passed(Class::Anonymous, residents), 1);
    advance(Duration::from_secs(2)).await;
    limiter.sweep();
    assert_eq!(tables.anonymous.len(), 1);
    advance(Duration::from_secs(2)).await;
    limiter.sweep();
    assert_eq!(tables.anonymous.len(), 0);
    assert_eq!(limiter.passed(Class::Anonymous, "198.51.100.1"), 2);
}

#[tokio::test(start_paused = true)]
async fn every_place_that_a_sweep_frees_can_be_taken_again() {
    let table = table("user=1/s", 3);
    for round in 0..5 {
        for client in round * 10..round * 10 + 5 {
            assert_eq!(table.count(&client), Ok(()));
        }
        assert_eq!(table.len(), 3);
        advance(Duration::from_secs(2)).await;
        table.sweep();
        assert_eq!(table.len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_forgets_nothing_that_counts() {
    let table = table("user=1/m:2", 10);
    for asked in [&[1, 1][..], &[2]] {
        for client in asked {
            assert_eq!(table.count(client), Ok(()));
        }
    }
    for _ in 0..59 {
        advance(Duration::from_secs(1)).await;
        table.sweep();
    }
    assert!(table.count(&1).is_err());
    assert_eq!(table.count(&2), Ok(()));
    assert!(table.count(&2).is_err());
}

#[test]
fn many_threads_at_once_get_through_as_often_as_one_and_fill_no_more_places() {
    // A thread may hold a place for a moment that it will not need.
    let table = table("user=1/h:8", 4 + 3);
    let passed = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for client in (0..1_000).map(|turn| turn % 4) {
                    let counted = table.count(&client).is_ok();
                    passed.fetch_add(u32::from(counted), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(passed.into_inner(), 4 * 8);
    assert_eq!(table.len(), 4);
    for client in 4..100 {
        assert_eq!(table.count(&client), Ok(()));
    }
    assert_eq!(table.len(), 4 + 3);
}
