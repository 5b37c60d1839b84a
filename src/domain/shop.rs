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
mod tests {
    use super::*;

    const USD: Currency = Currency::USD;

    fn usd(amount: i64) -> Money {
        Money::new(amount, USD).unwrap()
    }

    fn taxing(rates: &[(&str, Option<&str>, u32)]) -> Shop {
        let rate = |(country, state, rate): &(&str, Option<&str>, u32)| TaxRate {
            country: (*country).to_owned(),
            state: state.map(str::to_owned),
            rate: Rate(*rate),
        };
        Shop {
            tax_rates: rates.iter().map(rate).collect(),
            ..Shop::default()
        }
    }

    fn rate_at(shop: &Shop, country: &str, state: &str) -> Rate {
        shop.tax_rate(&Destination {
            country: country.to_owned(),
            state: state.to_owned(),
        })
    }

    #[test]
    fn the_rate_of_a_state_counts_before_that_of_its_country() {
        let shop = taxing(&[
            ("US", None, 1),
            ("US", Some("NY"), 87_500),
            ("US", Some("OR"), 0),
            ("CA", Some("ON"), 130_000),
            ("DE", None, 190_000),
        ]);
        for (country, state, expected) in [
            ("US", "NY", 87_500),
            ("US", "OR", 0),
            ("US", "CA", 1),
            ("CA", "ON", 130_000),
            ("CA", "QC", 0),
            ("DE", "", 190_000),
            ("DE", "NY", 190_000),
            ("FR", "", 0),
        ] {
            let found = rate_at(&shop, country, state);
            assert_eq!(found, Rate(expected), "{country} {state}");
        }
    }

    #[test]
    fn a_territory_is_taxed_alike_as_a_country_and_as_a_state() {
        let cases: [(&[_], [u32; 4]); 6] = [
            // Rates; those at US/PR, at PR, at PR/Ponce, and at US/NY.
            (&[("US", Some("PR"), 5)], [5, 5, 5, 0]),
            (&[("PR", None, 6)], [6, 6, 6, 0]),
            (&[("US", Some("PR"), 5), ("PR", None, 6)], [5, 6, 6, 0]),
            (
                &[("US", Some("PR"), 5), ("PR", Some("PONCE"), 7)],
                [5, 5, 7, 0],
            ),
            (&[("US", None, 1), ("US", Some("PR"), 5)], [5, 5, 5, 1]),
            (&[("US", None, 1), ("US", Some("GU"), 5)], [1, 1, 1, 1]),
        ];
        for (rates, expected) in cases {
            let shop = taxing(rates);
            let found = [("US", "PR"), ("PR", ""), ("PR", "PONCE"), ("US", "NY")]
                .map(|(country, state)| rate_at(&shop, country, state).0);
            assert_eq!(found, expected, "{rates:?}");
        }
    }

    fn method(id: &str, position: u32) -> ShippingMethod {
        ShippingMethod {
            id: ShippingMethodId::parse(id).unwrap(),
            position,
            ..ShippingMethod::standard(USD)
        }
    }

    #[test]
    fn the_default_method_is_the_lowest_and_ties_go_by_id() {
        let shop = Shop {
            shipping_methods: vec![method("c", 1), method("b", 1), method("a", 2)],
            ..Shop::default()
        };
        let ids: Vec<_> = shop
            .methods(USD)
            .iter()
            .map(|it| it.id.to_string())
            .collect();
        assert_eq!(ids, ["b", "c", "a"]);
        let found = |id: Option<&str>| {
            let id = id.map(|id| ShippingMethodId::parse(id).unwrap());
            let method = shop.shipping_method(id.as_ref(), USD)?;
            Some(method.id.to_string())
        };
        assert_eq!(found(None).as_deref(), Some("b"));
        assert_eq!(found(Some("a")).as_deref(), Some("a"));
        assert_eq!(found(Some("ship_standard")), None);
    }

    #[test]
    fn a_shop_without_methods_sends_for_free() {
        let shop = Shop::default();
        let found = shop.shipping_method(None, USD).unwrap();
        assert_eq!((found.id.as_str(), found.price), ("ship_standard", usd(0)));
        assert!(shop.shipping_method(Some(&found.id), USD).is_some());
        let express = ShippingMethodId::parse("ship_express").unwrap();
        assert_eq!(shop.shipping_method(Some(&express), USD), None);
    }

    fn code(text: &str) -> PromotionCode {
        PromotionCode::parse(text).unwrap()
    }

    fn plain(name: &str) -> Promotion {
        Promotion {
            code: code(name),
            discount: Discount::Percent(Rate(100_000)),
            minimum_subtotal: None,
            valid_from: None,
            valid_until: None,
            limit_total: Some(1),
            limit_per_user: None,
        }
    }

    fn shop_with(promotions: Vec<Promotion>) -> Shop {
        Shop {
            promotions: promotions
                .into_iter()
                .map(|it| (it.code.clone(), it))
                .collect(),
            ..Shop::default()
        }
    }

    #[test]
    fn a_code_given_twice_counts_once_in_its_first_place() {
        let shop = shop_with(vec![plain("A"), plain("B")]);
        let codes = ["B", "a", "b", "A"].map(code);
        let found = shop
            .promotions_for(&codes, usd(0), Timestamp(0), &BTreeMap::new())
            .unwrap();
        let found: Vec<_> = found.iter().map(|it| it.code.as_str()).collect();
        assert_eq!(found, ["B", "A"]);
    }

    #[test]
    fn a_refusal_names_the_first_code_that_does_not_count() {
        let shop = shop_with(vec![plain("A")]);
        let codes = ["A", "NONE", "OTHER"].map(code);
        let error = shop
            .promotions_for(&codes, usd(0), Timestamp(0), &BTreeMap::new())
            .unwrap_err();
        insta::assert_snapshot!(error, @"promotion code NONE is unknown");
    }

    #[test]
    fn each_bound_of_a_promotion_is_exact() {
        let bounded = Promotion {
            minimum_subtotal: Some(usd(500)),
            valid_from: Some(Timestamp(10)),
            valid_until: Some(Timestamp(20)),
            limit_per_user: Some(2),
            ..plain("A")
        };
        let shop = shop_with(vec![bounded]);
        let reason = |subtotal, now, used| {
            let uses = BTreeMap::from([(code("A"), used), (code("B"), 9)]);
            let judged = shop.promotions_for(&[code("a")], subtotal, Timestamp(now), &uses);
            judged
                .map(|found| found.len())
                .map_err(|refusal| refusal.reason)
        };
        let below = RefusalReason::BelowMinimum { minimum: usd(500) };
        assert_eq!(reason(usd(500), 10, 1), Ok(1));
        assert_eq!(reason(usd(500), 19, 0), Ok(1));
        assert_eq!(reason(usd(500), 9, 0), Err(RefusalReason::NotYetValid));
        assert_eq!(reason(usd(500), 20, 0), Err(RefusalReason::Expired));
        assert_eq!(reason(usd(499), 10, 0), Err(below));
        let eur = Currency::parse("EUR").unwrap();
        assert_eq!(reason(Money::new(500, eur).unwrap(), 10, 0), Err(below));
        assert_eq!(reason(usd(500), 10, 2), Err(RefusalReason::UsedUp));
        insta::assert_snapshot!(below, @"needs a subtotal of at least 5.00 USD");
    }
}
