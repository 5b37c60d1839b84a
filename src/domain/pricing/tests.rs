//! What orders come to: by example, and by what must hold for every order.

use super::*;
use crate::domain::ids::{PromotionCode, ShippingMethodId};
use proptest::prelude::*;

const USD: Currency = Currency::USD;

fn usd(amount: i64) -> Money {
    Money {
        amount,
        currency: USD,
    }
}

fn items(lines: &[(i64, u32)]) -> Vec<Item> {
    let item = |&(price, quantity): &(i64, u32)| Item {
        unit_price: usd(price),
        quantity,
    };
    lines.iter().map(item).collect()
}

fn promotion(discount: Discount) -> Promotion {
    Promotion {
        code: PromotionCode::parse("CODE").unwrap(),
        discount,
        minimum_subtotal: None,
        valid_from: None,
        valid_until: None,
        limit_total: None,
        limit_per_user: None,
    }
}

fn percent(percent: u32) -> Promotion {
    promotion(Discount::Percent(Rate(percent * 10_000)))
}

fn fixed(amount: i64) -> Promotion {
    promotion(Discount::Fixed(usd(amount)))
}

fn shipping(price: i64, free_from: Option<i64>) -> ShippingMethod {
    ShippingMethod {
        id: ShippingMethodId::parse("ship_test").unwrap(),
        name: "Test".to_owned(),
        price: usd(price),
        free_from: free_from.map(usd),
        position: 0,
    }
}

fn priced(
    lines: &[(i64, u32)],
    promotions: &[Promotion],
    tax: Rate,
    method: &ShippingMethod,
) -> Result<Priced, PricingError> {
    let promotions: Vec<_> = promotions.iter().collect();
    price(USD, &items(lines), &promotions, tax, method)
}

fn discounts(lines: &[(i64, u32)], promotions: &[Promotion]) -> Vec<i64> {
    let priced = priced(lines, promotions, Rate::ZERO, &shipping(0, None)).unwrap();
    priced
        .lines
        .iter()
        .map(|line| line.discount.amount)
        .collect()
}

/// Subtotal, discount, tax, shipping and total.
fn totals(priced: &Priced) -> [i64; 5] {
    let it = priced.totals;
    [it.subtotal, it.discount, it.tax, it.shipping, it.total].map(|sum| sum.amount)
}

const NEW_YORK: Rate = Rate(87_500);

#[test]
fn a_laptop_in_new_york() {
    let laptop = [(99_999, 1)];
    let free = shipping(0, None);
    let plain = priced(&laptop, &[], NEW_YORK, &free).unwrap();
    assert_eq!(totals(&plain), [99_999, 0, 8_750, 0, 108_749]);
    assert_eq!(plain.lines[0].total, usd(108_749));
    // 10 % of 99,999 is 9,999.9, rounded down; 8.75 % of 90,000 is 7,875 exactly.
    let saved = priced(&laptop, &[percent(10)], NEW_YORK, &free).unwrap();
    assert_eq!(totals(&saved), [99_999, 9_999, 7_875, 0, 97_875]);
}

#[test]
fn percentages_come_first_and_each_takes_from_what_remains() {
    let lines = [(1_000, 1)];
    // 10 % of 1,000 is 100; 25 % of 900 is 225; then 300 off.
    for order in [
        [fixed(300), percent(10), percent(25)],
        [percent(10), fixed(300), percent(25)],
        [percent(10), percent(25), fixed(300)],
    ] {
        assert_eq!(discounts(&lines, &order), [625]);
    }
    // Rounding down makes the order of percentages matter: 7 and 0 off 15, or 1 and 7.
    assert_eq!(discounts(&[(15, 1)], &[percent(50), percent(10)]), [7]);
    assert_eq!(discounts(&[(15, 1)], &[percent(10), percent(50)]), [8]);
}

#[test]
fn a_discount_takes_at_most_what_remains() {
    assert_eq!(discounts(&[(500, 1)], &[fixed(400), fixed(400)]), [500]);
    assert_eq!(discounts(&[(500, 1)], &[percent(100), fixed(1)]), [500]);
    assert_eq!(discounts(&[(500, 1)], &[percent(200)]), [500]);
    assert_eq!(
        discounts(&[(0, 5), (0, 1)], &[fixed(10), percent(50)]),
        [0, 0]
    );
}

#[test]
fn what_does_not_divide_goes_to_the_largest_remainder_and_to_the_earlier_on_a_tie() {
    assert_eq!(discounts(&[(100, 1); 3], &[fixed(100)]), [34, 33, 33]);
    assert_eq!(discounts(&[(100, 1); 3], &[fixed(200)]), [67, 67, 66]);
    // 10 over 1 : 1 : 4 is 1.67, 1.67 and 6.67.
    assert_eq!(
        discounts(&[(10, 1), (5, 2), (40, 1)], &[fixed(10)]),
        [2, 2, 6]
    );
    // 10 over 1 : 6 is 1.43 and 8.57, though the first is earlier.
    assert_eq!(discounts(&[(10, 1), (60, 1)], &[fixed(10)]), [1, 9]);
    assert_eq!(
        discounts(&[(0, 1), (3, 1), (0, 9), (1, 1)], &[fixed(3)]),
        [0, 2, 0, 1]
    );
}

#[test]
fn tax_is_rounded_half_up_once_per_line() {
    let free = shipping(0, None);
    let halves = priced(&[(1, 1), (3, 1)], &[], Rate(500_000), &free).unwrap();
    assert_eq!(totals(&halves), [4, 0, 3, 0, 7]);
    // Once per line, not once per unit.
    let units = priced(&[(1, 3)], &[], Rate(500_000), &free).unwrap();
    assert_eq!(totals(&units), [3, 0, 2, 0, 5]);
}

#[test]
fn shipping_is_untaxed_and_free_from_its_threshold_after_discounts() {
    let method = shipping(1_500, Some(10_000));
    let total = |price, promotions: &[Promotion]| {
        totals(&priced(&[(price, 1)], promotions, Rate(100_000), &method).unwrap())
    };
    assert_eq!(total(9_999, &[]), [9_999, 0, 1_000, 1_500, 12_499]);
    assert_eq!(total(10_000, &[]), [10_000, 0, 1_000, 0, 11_000]);
    assert_eq!(
        total(10_000, &[fixed(1)]),
        [10_000, 1, 1_000, 1_500, 12_499]
    );
    let always = priced(&[(1, 1)], &[], Rate::ZERO, &shipping(700, None)).unwrap();
    assert_eq!(totals(&always), [1, 0, 0, 700, 701]);
}

#[test]
fn nothing_costs_its_shipping() {
    let nothing = priced(
        &[],
        &[percent(10), fixed(5)],
        NEW_YORK,
        &shipping(7, Some(1)),
    );
    assert_eq!(totals(&nothing.unwrap()), [0, 0, 0, 7, 7]);
    let gift = priced(&[(0, 3)], &[fixed(5)], NEW_YORK, &shipping(7, Some(0)));
    assert_eq!(totals(&gift.unwrap()), [0; 5]);
}

#[test]
fn amounts_beyond_the_shop_are_refused() {
    let free = shipping(0, None);
    let most = Money::MAX_AMOUNT;
    let of = |lines: &[(i64, u32)], tax| priced(lines, &[], tax, &free).map(|it| totals(&it)[4]);
    assert_eq!(of(&[(most, 1)], Rate::ZERO), Ok(most));
    assert_eq!(of(&[(most, 1)], Rate(1)), Err(PricingError::TooLarge));
    assert_eq!(
        of(&[(most, 1), (1, 1)], Rate::ZERO),
        Err(PricingError::TooLarge)
    );
    assert_eq!(
        of(&[(i64::MAX, u32::MAX); 9], Rate::ZERO),
        Err(PricingError::TooLarge)
    );
    assert_eq!(
        of(&[(most, 1)], Rate(u32::MAX)),
        Err(PricingError::TooLarge)
    );
    let dear = priced(&[(most, 1)], &[], Rate::ZERO, &shipping(1, None));
    assert_eq!(dear, Err(PricingError::TooLarge));
    assert_eq!(
        of(&[(-1, 1), (2, 1)], Rate::ZERO),
        Err(PricingError::Negative)
    );
}

#[test]
fn every_amount_must_be_in_the_currency_of_the_order() {
    let eur = Currency::parse("EUR").unwrap();
    let mixed = Err(PricingError::MixedCurrencies(USD, eur));
    let foreign = Money::zero(eur);
    let free = shipping(0, None);
    let item = Item {
        unit_price: foreign,
        quantity: 1,
    };
    assert_eq!(price(USD, &[item], &[], Rate::ZERO, &free), mixed);
    let off = promotion(Discount::Fixed(foreign));
    assert_eq!(priced(&[(1, 1)], &[off], Rate::ZERO, &free), mixed);
    for (price, free_from) in [(foreign, None), (usd(1), Some(foreign))] {
        let method = ShippingMethod {
            price,
            free_from,
            ..free.clone()
        };
        assert_eq!(priced(&[(1, 1)], &[], Rate::ZERO, &method), mixed);
    }
}

fn any_lines() -> impl Strategy<Value = Vec<(i64, u32)>> {
    let price = prop_oneof![Just(0), 1..50_i64, 1..10_000_000_i64];
    let quantity = prop_oneof![1..4_u32, 1..1_000_u32];
    prop::collection::vec((price, quantity), 0..12)
}

fn any_promotions() -> impl Strategy<Value = Vec<Promotion>> {
    let one = prop_oneof![
        (0..1_200_000_u32).prop_map(|share| Discount::Percent(Rate(share))),
        (0..1_000_000_i64).prop_map(|amount| Discount::Fixed(usd(amount))),
        (0..100_i64).prop_map(|amount| Discount::Fixed(usd(amount))),
    ];
    prop::collection::vec(one.prop_map(promotion), 0..5)
}

fn any_shipping() -> impl Strategy<Value = ShippingMethod> {
    let threshold = prop::option::of(0..1_000_000_i64);
    (0..10_000_i64, threshold).prop_map(|(price, free_from)| shipping(price, free_from))
}

fn amount((price, quantity): (i64, u32)) -> i64 {
    price * i64::from(quantity)
}

proptest! {
    #[test]
    fn totals_are_the_sums_of_their_lines_and_nothing_is_negative(
        lines in any_lines(),
        promotions in any_promotions(),
        rate in 0..500_000_u32,
        method in any_shipping(),
    ) {
        let priced = priced(&lines, &promotions, Rate(rate), &method).unwrap();
        let [subtotal, discount, tax, shipping, total] = totals(&priced);
        let sum = |of: fn(&PricedLine) -> Money| -> i64 {
            priced.lines.iter().map(|line| of(line).amount).sum()
        };
        prop_assert_eq!(subtotal, lines.iter().copied().map(amount).sum::<i64>());
        prop_assert_eq!(discount, sum(|line| line.discount));
        prop_assert_eq!(tax, sum(|line| line.tax));
        prop_assert_eq!(total, sum(|line| line.total) + shipping);
        prop_assert_eq!(total, subtotal - discount + tax + shipping);
        prop_assert!(discount <= subtotal);
        prop_assert!(totals(&priced).iter().all(|sum| *sum >= 0));
        prop_assert_eq!(priced.lines.len(), lines.len());
        for (line, given) in priced.lines.iter().zip(&lines) {
            let amount = amount(*given);
            prop_assert!((0..=amount).contains(&line.discount.amount));
            let taxed = amount - line.discount.amount;
            prop_assert_eq!(line.tax.amount, (taxed * i64::from(rate) + 500_000) / 1_000_000);
            prop_assert_eq!(line.total.amount, taxed + line.tax.amount);
        }
    }

    #[test]
    fn a_share_is_within_a_unit_of_its_proportion(
        lines in any_lines(),
        promotions in any_promotions(),
    ) {
        let shares = discounts(&lines, &promotions);
        let total = i128::from(shares.iter().sum::<i64>());
        let whole: i128 = lines.iter().map(|line| i128::from(amount(*line))).sum();
        for (share, line) in shares.iter().zip(&lines) {
            let exact = total * i128::from(amount(*line));
            prop_assert!((i128::from(*share) * whole - exact).abs() < whole.max(1));
        }
    }

    #[test]
    fn the_order_of_lines_matters_for_ties_alone(
        (before, after) in any_lines().prop_flat_map(|lines| {
            let numbered: Vec<_> = lines.into_iter().enumerate().collect();
            (Just(numbered.clone()), Just(numbered).prop_shuffle())
        }),
        promotions in any_promotions(),
    ) {
        let shares_of = |numbered: &[(usize, (i64, u32))]| {
            let lines: Vec<_> = numbered.iter().map(|(_, line)| *line).collect();
            let shares = discounts(&lines, &promotions);
            let mut shares: Vec<_> = numbered.iter().map(|(n, _)| *n).zip(shares).collect();
            shares.sort_unstable();
            shares
        };
        let (one, other) = (shares_of(&before), shares_of(&after));
        let total: i128 = one.iter().map(|(_, share)| i128::from(*share)).sum();
        let whole: i128 = before.iter().map(|(_, line)| i128::from(amount(*line))).sum();
        let lost = |n: usize| total * i128::from(amount(before[n].1)) % whole.max(1);
        for n in 0..before.len() {
            let tied = (0..before.len()).any(|other| other != n && lost(other) == lost(n));
            prop_assert!(tied || one[n] == other[n]);
        }
        prop_assert_eq!(total, other.iter().map(|(_, share)| i128::from(*share)).sum::<i128>());
    }
}
