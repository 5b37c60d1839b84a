//! Reads, each over one snapshot.

use super::keys::{self, Row, kind, row};
use super::{Direction, Read, Table, expiry, head};
use crate::domain::account::KeyUse;
use crate::domain::identity::{LoginId, PendingLogin};
use crate::domain::ids::{NodeId, OrderId, UserId};
use crate::domain::order::Order;
use crate::domain::shop::{Promotion, ShippingMethod, Shop};
use crate::domain::stock::{Hold, StockKey};
use crate::store::encoding::decode;
use crate::store::{
    Bucket, CatalogKey, CatalogRow, NodeRow, Outcome, Partition, Result, UserRecord, Version,
    Versioned, WriteId,
};
use serde::de::DeserializeOwned;
use std::ops::ControlFlow;

fn find<T: DeserializeOwned>(view: &mut dyn Read, table: Table, key: &[u8]) -> Result<Option<T>> {
    find_with(view, table, key, decode)
}

fn find_with<T>(
    view: &mut dyn Read,
    table: Table,
    key: &[u8],
    decode: fn(&[u8]) -> Result<T>,
) -> Result<Option<T>> {
    let mut found = None;
    view.get(table, key, &mut |bytes| {
        found = Some(decode(bytes)?);
        Ok(())
    })?;
    Ok(found)
}

/// At most `limit` values of a range of keys.
fn page<T: DeserializeOwned>(
    view: &mut dyn Read,
    table: Table,
    (from, to): (Vec<u8>, Vec<u8>),
    direction: Direction,
    limit: u32,
) -> Result<Vec<T>> {
    let mut values = Vec::new();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if limit == 0 {
        return Ok(values);
    }
    view.scan(table, &from, &to, direction, &mut |_, bytes| {
        values.push(decode(bytes)?);
        Ok(if values.len() < limit {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        })
    })?;
    Ok(values)
}

pub(super) fn outcome(
    view: &mut dyn Read,
    partition: &Partition,
    expected: Version,
    write: WriteId,
) -> Result<Outcome> {
    let mut outcome = Outcome::NotYet;
    let key = row(&keys::partition(partition), Row::Head);
    view.get(Table::Partitions, &key, &mut |stored| {
        outcome = head::outcome(stored, expected, write)?;
        Ok(())
    })?;
    Ok(outcome)
}

fn version(view: &mut dyn Read, prefix: &[u8]) -> Result<Version> {
    let key = row(prefix, Row::Head);
    let version = find_with(view, Table::Partitions, &key, head::version)?;
    Ok(version.unwrap_or(0))
}

/// The one value of a partition, with its version.
pub(super) fn value<T: DeserializeOwned>(
    view: &mut dyn Read,
    partition: &Partition,
) -> Result<Versioned<Option<T>>> {
    let prefix = keys::partition(partition);
    Ok(Versioned {
        version: version(view, &prefix)?,
        value: find(view, Table::Partitions, &row(&prefix, Row::Value))?,
    })
}

/// The one value of a partition that expires, with its version.
fn expiring<T: DeserializeOwned>(
    view: &mut dyn Read,
    partition: &Partition,
) -> Result<Versioned<Option<T>>> {
    let prefix = keys::partition(partition);
    let key = row(&prefix, Row::Value);
    Ok(Versioned {
        version: version(view, &prefix)?,
        value: find_with(view, Table::Partitions, &key, expiry::decode)?,
    })
}

/// A login in the making, with its version.
pub(super) fn login(
    view: &mut dyn Read,
    login: LoginId,
) -> Result<Versioned<Option<PendingLogin>>> {
    let found: Versioned<Option<Option<_>>> = expiring(view, &Partition::Login(login))?;
    Ok(Versioned {
        version: found.version,
        value: found.value.flatten(),
    })
}

/// A node, with its version.
pub(super) fn node(view: &mut dyn Read, id: NodeId) -> Result<Versioned<Option<NodeRow>>> {
    expiring(view, &Partition::Node(id))
}

pub(super) fn user(view: &mut dyn Read, id: UserId) -> Result<Versioned<UserRecord>> {
    let prefix = keys::partition(&Partition::User(id));
    let cart = find(view, Table::Partitions, &row(&prefix, Row::Cart))?;
    Ok(Versioned {
        version: version(view, &prefix)?,
        value: UserRecord {
            account: find(view, Table::Partitions, &row(&prefix, Row::Value))?,
            cart: cart.unwrap_or_default(),
        },
    })
}

pub(super) fn order(view: &mut dyn Read, user: UserId, order: OrderId) -> Result<Option<Order>> {
    let prefix = keys::partition(&Partition::User(user));
    let place = row(&prefix, Row::OrderRef(order));
    match find(view, Table::Partitions, &place)? {
        Some(seq) => find(view, Table::Partitions, &row(&prefix, Row::Order(seq))),
        None => Ok(None),
    }
}

pub(super) fn orders(
    view: &mut dyn Read,
    user: UserId,
    from: u64,
    limit: u32,
) -> Result<Vec<Order>> {
    let prefix = keys::partition(&Partition::User(user));
    let first = row(&prefix, Row::Order(0));
    let mut end = row(&prefix, Row::Order(from));
    end.push(0);
    page(
        view,
        Table::Partitions,
        (first, end),
        Direction::Backward,
        limit,
    )
}

pub(super) fn key_use(view: &mut dyn Read, user: UserId, key: &str) -> Result<Option<KeyUse>> {
    let place = row(&keys::partition(&Partition::User(user)), Row::KeyUse(key));
    find_with(view, Table::Partitions, &place, expiry::decode)
}

pub(super) fn order_owner(view: &mut dyn Read, order: OrderId) -> Result<Option<UserId>> {
    find(view, Table::Owners, order.0.as_bytes())
}

pub(super) fn holds(
    view: &mut dyn Read,
    key: StockKey,
    orders: &[OrderId],
) -> Result<Vec<Option<Hold>>> {
    let prefix = keys::partition(&Partition::Stock(key));
    let hold = |order: &OrderId| {
        let place = row(&prefix, Row::Hold(*order));
        find_with(view, Table::Partitions, &place, expiry::decode)
    };
    orders.iter().map(hold).collect()
}

pub(super) fn attempts<T: DeserializeOwned>(view: &mut dyn Read, bucket: Bucket) -> Result<Vec<T>> {
    let range = keys::attempts(bucket);
    page(view, Table::Attempts, range, Direction::Forward, u32::MAX)
}

pub(super) fn low_water(view: &mut dyn Read) -> Result<Option<Bucket>> {
    find(view, Table::Meta, keys::LOW_WATER)
}

/// At most `limit` catalogue records of a kind with ids after `after`.
pub(super) fn catalog_page<T: DeserializeOwned>(
    view: &mut dyn Read,
    kind: u8,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<T>> {
    let range = keys::catalog_after(kind, after);
    page(view, Table::Catalog, range, Direction::Forward, limit)
}

pub(super) fn shop(view: &mut dyn Read) -> Result<Shop> {
    let mut shipping_methods: Vec<ShippingMethod> =
        catalog_page(view, kind::SHIPPING_METHOD, None, u32::MAX)?;
    shipping_methods.sort_by(|a, b| (a.position, &a.id).cmp(&(b.position, &b.id)));
    let promotions: Vec<Promotion> = catalog_page(view, kind::PROMOTION, None, u32::MAX)?;
    Ok(Shop {
        currency: find(view, Table::Catalog, &keys::catalog(&CatalogKey::Currency))?,
        tax_rates: catalog_page(view, kind::TAX_RATE, None, u32::MAX)?,
        shipping_methods,
        promotions: promotions
            .into_iter()
            .map(|promotion| (promotion.code.clone(), promotion))
            .collect(),
    })
}

pub(super) fn catalog_row(view: &mut dyn Read, key: &CatalogKey) -> Result<Option<CatalogRow>> {
    let bytes = keys::catalog(key);
    let decode: fn(&[u8]) -> Result<CatalogRow> = match key {
        CatalogKey::Currency => |bytes| decode(bytes).map(CatalogRow::Currency),
        CatalogKey::Category(_) => |bytes| decode(bytes).map(CatalogRow::Category),
        CatalogKey::Brand(_) => |bytes| decode(bytes).map(CatalogRow::Brand),
        CatalogKey::Product(_) => |bytes| decode(bytes).map(CatalogRow::Product),
        CatalogKey::TaxRate { .. } => |bytes| decode(bytes).map(CatalogRow::TaxRate),
        CatalogKey::ShippingMethod(_) => |bytes| decode(bytes).map(CatalogRow::ShippingMethod),
        CatalogKey::Promotion(_) => |bytes| decode(bytes).map(CatalogRow::Promotion),
    };
    find_with(view, Table::Catalog, &bytes, decode)
}
