//! The shop's own data: currency, tax rates, shipping methods and promotions. Imported, not code.

use super::ids::{PromotionCode, ShippingMethodId};
use super::money::{Currency, Money, Rate};
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that pricing an order needs beside the products.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shop {
    /// The one currency; `None` before anything was imported.
    pub currency: Option<Currency>,
    /// Tax rates; the most specific that fits an address counts.
    pub tax_rates: Vec<TaxRate>,
    /// Shipping methods in the order in which they are shown; the first is the default.
    pub shipping_methods: Vec<ShippingMethod>,
    /// Promotions by code.
    pub promotions: BTreeMap<PromotionCode, Promotion>,
}

/// A rate for a country, or for one of its states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRate {
    /// ISO 3166-1 alpha-2, in capitals.
    pub country: String,
    /// The state's code, in capitals; `None` for the whole country.
    pub state: Option<String>,
    /// The share of the discounted price.
    pub rate: Rate,
}

/// A way to send an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingMethod {
    /// Its id, `ship_standard`.
    pub id: ShippingMethodId,
    /// Its name.
    pub name: String,
    /// What it costs below the threshold.
    pub price: Money,
    /// Free from this discounted subtotal on, when there is such a threshold.
    pub free_from: Option<Money>,
    /// Its place in the list; the lowest is the default. Ties by id.
    pub position: u32,
}

/// What a promotion takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Discount {
    /// A share of what earlier codes left, rounded down.
    Percent(Rate),
    /// An amount, at most what earlier codes left.
    Fixed(Money),
}

/// A promotion that a code claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// The code.
    pub code: PromotionCode,
    /// What it takes off.
    pub discount: Discount,
    /// The least subtotal (before discounts) that it applies to.
    pub minimum_subtotal: Option<Money>,
    /// Valid from this instant on.
    pub valid_from: Option<Timestamp>,
    /// Valid before this instant.
    pub valid_until: Option<Timestamp>,
    /// How many orders in all may use it: counted as a stock item.
    pub limit_total: Option<u32>,
    /// How many orders of one user may use it.
    pub limit_per_user: Option<u32>,
}
