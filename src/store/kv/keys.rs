//! The keys of all rows. Byte order is the order in which rows are read.
//!
//! Texts end in a zero byte where something follows: none of them holds control characters. UUIDs
//! and numbers have their fixed width, numbers big-endian.

use crate::domain::account::Email;
use crate::domain::identity::{LoginId, Subject};
use crate::domain::ids::{NodeId, OrderId, UserId};
use crate::domain::stock::StockKey;
use crate::domain::time::Timestamp;
use crate::store::{Bucket, CatalogKey, LogPosition, Partition};

const END: u8 = 0;
const LOGIN: u8 = b'l';
const NODE: u8 = b'n';

/// What every key of a partition begins with.
pub(super) fn partition(partition: &Partition) -> Vec<u8> {
    match partition {
        Partition::User(id) => user(*id),
        Partition::Stock(key) => stock(key),
        Partition::Claim(email) => claim(email),
        Partition::Subject(subject) => self::subject(subject),
        Partition::Login(login) => self::login(*login),
        Partition::Administrators => vec![b'a'],
        Partition::Roles => vec![b'r'],
        Partition::View => vec![b'v'],
        Partition::Node(id) => node(*id),
    }
}

fn user(id: UserId) -> Vec<u8> {
    let mut key = Vec::with_capacity(48);
    key.push(b'u');
    key.extend_from_slice(id.0.as_bytes());
    key
}

fn node(id: NodeId) -> Vec<u8> {
    let mut key = Vec::with_capacity(24);
    key.push(NODE);
    key.extend_from_slice(id.0.as_bytes());
    key
}

fn stock(key: &StockKey) -> Vec<u8> {
    match key {
        StockKey::Sku(sku) => text(b's', sku.as_str()),
        StockKey::Promotion(code) => text(b'p', code.as_str()),
    }
}

fn claim(email: &Email) -> Vec<u8> {
    text(b'e', email.as_str())
}

fn subject(subject: &Subject) -> Vec<u8> {
    let mut key = text(b'i', subject.issuer());
    key.extend_from_slice(subject.sub().as_bytes());
    key.push(END);
    key
}

fn login(id: LoginId) -> Vec<u8> {
    let mut key = Vec::with_capacity(48);
    key.push(LOGIN);
    key.extend_from_slice(&id.0);
    key
}

fn text(kind: u8, text: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(text.len() + 24);
    key.push(kind);
    key.extend_from_slice(text.as_bytes());
    key.push(END);
    key
}

/// The rows of a partition.
#[derive(Clone, Copy, Debug)]
pub(super) enum Row<'a> {
    /// Version and latest write ids.
    Head,
    /// The one value of a partition that has one; a user's account.
    Value,
    /// A user's cart.
    Cart,
    /// A user's order, by its number.
    Order(u64),
    /// The number of a user's order.
    OrderRef(OrderId),
    /// How a user's idempotency key was used.
    KeyUse(&'a str),
    /// What an order has of a stock item.
    Hold(OrderId),
}

/// The key of a row in the partition with this prefix.
pub(super) fn row(partition: &[u8], row: Row<'_>) -> Vec<u8> {
    let mut key = Vec::with_capacity(partition.len() + 17);
    key.extend_from_slice(partition);
    match row {
        Row::Head => key.push(0),
        Row::Value => key.push(1),
        Row::Cart => key.push(2),
        Row::Order(seq) => {
            key.push(3);
            key.extend_from_slice(&seq.to_be_bytes());
        }
        Row::OrderRef(order) => {
            key.push(4);
            key.extend_from_slice(order.0.as_bytes());
        }
        Row::KeyUse(text) => {
            key.push(5);
            key.extend_from_slice(text.as_bytes());
        }
        Row::Hold(order) => {
            key.push(6);
            key.extend_from_slice(order.0.as_bytes());
        }
    }
    key
}

/// The head of the partition whose row this is, where nothing is left of a partition without it.
pub(super) fn head_that_goes_with(expired: &[u8]) -> Option<Vec<u8>> {
    let (_, prefix) = expired.split_last()?;
    matches!(prefix.first(), Some(&LOGIN | &NODE)).then(|| row(prefix, Row::Head))
}

/// Flipping the sign makes negative numbers sort before the others.
fn number(value: i64) -> [u8; 8] {
    (value ^ i64::MIN).to_be_bytes()
}

/// Attempts, by bucket, then by order.
pub(super) fn attempt(bucket: Bucket, order: OrderId) -> Vec<u8> {
    [number(bucket).as_slice(), order.0.as_bytes()].concat()
}

/// From the first key of the bucket to the first after it.
pub(super) fn attempts(bucket: Bucket) -> (Vec<u8>, Vec<u8>) {
    let from = number(bucket).to_vec();
    let to = match bucket.checked_add(1) {
        Some(next) => number(next).to_vec(),
        None => vec![u8::MAX; 25],
    };
    (from, to)
}

/// A row of the expiry index.
pub(super) fn expiry(at: Timestamp, row: &[u8]) -> Vec<u8> {
    [number(at.0).as_slice(), row].concat()
}

/// The first key of what expires after `now`.
pub(super) fn expiry_after(now: Timestamp) -> Vec<u8> {
    number(now.0.saturating_add(1)).to_vec()
}

/// The row that an entry of the expiry index is about.
pub(super) fn expiring_row(entry: &[u8]) -> &[u8] {
    entry.get(8..).unwrap_or_default()
}

/// The kinds of catalogue records, and of the log of their changes, as the first byte of their keys.
pub(super) mod kind {
    pub(crate) const BRAND: u8 = b'b';
    pub(crate) const CATEGORY: u8 = b'c';
    pub(crate) const CURRENCY: u8 = b'u';
    pub(crate) const LOG: u8 = b'l';
    pub(crate) const PRODUCT: u8 = b'p';
    pub(crate) const PROMOTION: u8 = b'o';
    pub(crate) const SHIPPING_METHOD: u8 = b's';
    pub(crate) const TAX_RATE: u8 = b't';
}

/// A record of the catalogue or of the shop's data.
pub(super) fn catalog(key: &CatalogKey) -> Vec<u8> {
    let simple = |kind: u8, id: &str| {
        let mut key = Vec::with_capacity(id.len() + 1);
        key.push(kind);
        key.extend_from_slice(id.as_bytes());
        key
    };
    match key {
        CatalogKey::Currency => vec![kind::CURRENCY],
        CatalogKey::Category(id) => simple(kind::CATEGORY, id.as_str()),
        CatalogKey::Brand(id) => simple(kind::BRAND, id.as_str()),
        CatalogKey::Product(id) => simple(kind::PRODUCT, id.as_str()),
        CatalogKey::ShippingMethod(id) => simple(kind::SHIPPING_METHOD, id.as_str()),
        CatalogKey::Promotion(code) => simple(kind::PROMOTION, code.as_str()),
        CatalogKey::TaxRate { country, state } => {
            let mut key = text(kind::TAX_RATE, country);
            if let Some(state) = state {
                key.push(1);
                key.extend_from_slice(state.as_bytes());
            }
            key
        }
    }
}

/// An entry of the log of the catalogue's changes.
pub(super) fn logged(position: LogPosition) -> Vec<u8> {
    let mut key = vec![kind::LOG];
    key.extend_from_slice(&position.to_be_bytes());
    key
}

/// From the first catalogue record of a kind after the one with id `after` to the first of the
/// next kind.
pub(super) fn catalog_after(kind: u8, after: Option<&str>) -> (Vec<u8>, Vec<u8>) {
    let mut from = vec![kind];
    if let Some(after) = after {
        from.extend_from_slice(after.as_bytes());
        // No key lies between a text and the same text followed by a zero byte.
        from.push(END);
    }
    (from, vec![kind + 1])
}

/// The low-water mark, in `Meta`.
pub(super) const LOW_WATER: &[u8] = b"low_water";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_sort_as_their_bytes(a: i64, b: i64) {
            prop_assert_eq!(a.cmp(&b), number(a).cmp(&number(b)));
        }

        #[test]
        fn an_attempt_lies_in_its_bucket_alone(bucket: i64, other: i64, order: u128) {
            let key = attempt(bucket, OrderId(uuid::Uuid::from_u128(order)));
            let (from, to) = attempts(other);
            prop_assert_eq!((from..to).contains(&key), bucket == other);
        }
    }

    #[test]
    fn the_last_bucket_has_an_end() {
        let last = attempt(i64::MAX, OrderId(uuid::Uuid::max()));
        let (from, to) = attempts(i64::MAX);
        assert!((from..to).contains(&last));
    }

    #[test]
    fn no_partition_begins_with_another() {
        let sku = |text: &str| StockKey::Sku(crate::domain::ids::Sku::parse(text).unwrap());
        let short = partition(&Partition::Stock(sku("A")));
        let long = partition(&Partition::Stock(sku("AB")));
        assert!(!long.starts_with(&short));
    }
}
