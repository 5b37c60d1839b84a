//! Which rate, method and promotions count for an order.

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
