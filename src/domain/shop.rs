//! The shop's own data: currency, tax rates, shipping methods and promotions. Imported, not code.

use super::address::Destination;
use super::ids::{PromotionCode, ShippingMethodId};
use super::money::{Currency, Money, Rate};
use super::regions;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that pricing an order needs beside the products. The default is a shop into which
/// nothing was imported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// Why a promotion code does not count for an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("promotion code {code} {reason}")]
pub struct PromotionRefusal {
    /// The code.
    pub code: PromotionCode,
    /// What is wrong with it.
    pub reason: RefusalReason,
}

/// What is wrong with a promotion code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusalReason {
    /// The shop has no such promotion.
    #[error("is unknown")]
    Unknown,
    /// It begins later.
    #[error("is not valid yet")]
    NotYetValid,
    /// It has ended.
    #[error("has expired")]
    Expired,
    /// The order is too small.
    #[error("needs a subtotal of at least {minimum}")]
    BelowMinimum {
        /// The least subtotal, before discounts.
        minimum: Money,
    },
    /// The user has used it as often as one user may.
    #[error("was used as often as one customer may")]
    UsedUp,
}

impl Shop {
    /// The tax rate at `destination`: the state's before the country's, else nothing.
    ///
    /// A territory of the United States is taxed alike whether its address names it as the country
    /// or as the state: where both have a rate, the one that the address names counts.
    #[must_use]
    pub fn tax_rate(&self, destination: &Destination) -> Rate {
        let (country, state) = (&*destination.country, &*destination.state);
        let territory = regions::us_territory(country, state);
        let written = [(country, Some(state))];
        let otherwise = territory.map(|code| [(code, None), ("US", Some(code)), ("US", None)]);
        let mut places = written
            .into_iter()
            .chain(otherwise.into_iter().flatten())
            .chain([(country, None)]);
        places
            .find_map(|(country, state)| {
                self.tax_rates
                    .iter()
                    .find(|rate| rate.country == country && rate.state.as_deref() == state)
            })
            .map_or(Rate::ZERO, |found| found.rate)
    }

    /// The shipping methods by position, then id; the first is the default. A shop without any has
    /// one, which is free in `currency`.
    #[must_use]
    pub fn methods(&self, currency: Currency) -> Vec<Cow<'_, ShippingMethod>> {
        if self.shipping_methods.is_empty() {
            return vec![Cow::Owned(ShippingMethod::standard(currency))];
        }
        let mut methods: Vec<_> = self.shipping_methods.iter().map(Cow::Borrowed).collect();
        methods.sort_by(|a, b| (a.position, &a.id).cmp(&(b.position, &b.id)));
        methods
    }

    /// The shipping method with this id, or the default where none is named; `None` where there is
    /// no such method.
    #[must_use]
    pub fn shipping_method(
        &self,
        id: Option<&ShippingMethodId>,
        currency: Currency,
    ) -> Option<Cow<'_, ShippingMethod>> {
        let mut methods = self.methods(currency).into_iter();
        methods.find(|method| id.is_none_or(|id| method.id == *id))
    }

    /// The promotions that `codes` claim, each once, in their order, for an order of `subtotal` by
    /// a user who has used promotions as often as `uses` says. Limits in all are not judged here:
    /// they are counted as stock.
    ///
    /// # Errors
    /// [`PromotionRefusal`] of the first code that does not count.
    pub fn promotions_for(
        &self,
        codes: &[PromotionCode],
        subtotal: Money,
        now: Timestamp,
        uses: &BTreeMap<PromotionCode, u32>,
    ) -> Result<Vec<&Promotion>, PromotionRefusal> {
        let mut seen = BTreeSet::new();
        let distinct = codes.iter().filter(|code| seen.insert(*code));
        let judged = distinct.map(|code| {
            let used = uses.get(code).copied().unwrap_or(0);
            let promotion = self.promotions.get(code).ok_or(RefusalReason::Unknown);
            promotion
                .and_then(|promotion| promotion.judge(subtotal, now, used).map(|()| promotion))
                .map_err(|reason| PromotionRefusal {
                    code: code.clone(),
                    reason,
                })
        });
        judged.collect()
    }
}

impl Promotion {
    fn judge(&self, subtotal: Money, now: Timestamp, used: u32) -> Result<(), RefusalReason> {
        if self.valid_from.is_some_and(|from| now < from) {
            return Err(RefusalReason::NotYetValid);
        }
        if self.valid_until.is_some_and(|until| now >= until) {
            return Err(RefusalReason::Expired);
        }
        if let Some(minimum) = self.minimum_subtotal
            && (subtotal.currency != minimum.currency || subtotal.amount < minimum.amount)
        {
            return Err(RefusalReason::BelowMinimum { minimum });
        }
        if self.limit_per_user.is_some_and(|limit| used >= limit) {
            return Err(RefusalReason::UsedUp);
        }
        Ok(())
    }
}

impl ShippingMethod {
    fn standard(currency: Currency) -> Self {
        Self {
            id: ShippingMethodId::standard(),
            name: "Standard shipping".to_owned(),
            price: Money::zero(currency),
            free_from: None,
            position: 0,
        }
    }
}

#[cfg(test)]
mod tests;
