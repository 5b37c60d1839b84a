//! A quote is what the order made of the same cart at the same instant comes to, to the unit.

use crate::domain::account::{Account, Email, Profile};
use crate::domain::cart::{Cart, Line};
use crate::domain::catalog::{Catalog, Product, Status};
use crate::domain::ids::{LineId, ProductId, PromotionCode, ShippingMethodId, Sku, UserId};
use crate::domain::money::{Currency, Money, Rate};
use crate::domain::order::{Order, Quote};
use crate::domain::shop::{Discount, Promotion, ShippingMethod, Shop, TaxRate};
use crate::domain::time::Timestamp;
use crate::domain::user::decide::{Answer, Context, decide, finish};
use crate::domain::user::{Checkout, Command, Rejection, Request, State, fixture};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_000);
const PLACES: [(&str, &str); 5] = [
    ("US", "NY"),
    ("US", "PR"),
    ("PR", ""),
    ("DE", ""),
    ("CA", "ON"),
];

/// A customer with a cart, and the shop that it is from.
#[derive(Debug)]
struct Case {
    products: BTreeMap<ProductId, Product>,
    shop: Shop,
    state: State,
    checkout: Checkout,
}

impl Catalog for Case {
    fn product(&self, id: &ProductId) -> Option<&Product> {
        self.products.get(id)
    }
}

impl Case {
    fn decide(&self, command: Command) -> Result<Answer, Rejection> {
        let request = Request::of(command, 0);
        self.with_context(|context| {
            let decision = decide(&self.state, &request, context)?;
            assert!(decision.events.is_empty());
            Ok(decision.answer)
        })
    }

    fn with_context<T>(&self, work: impl FnOnce(&Context<'_>) -> T) -> T {
        work(&Context {
            now: NOW,
            fresh_id: &|| Uuid::from_u128(7),
            catalog: self,
            shop: &self.shop,
            stored_size: |_| 0,
            available: None,
            looked_up: None,
        })
    }

    fn quote(&self) -> Result<Quote, Rejection> {
        match self.decide(Command::Quote(Box::new(self.checkout.terms())))? {
            Answer::Quote(quote) => Ok(*quote),
            other => panic!("{other:?} is no quote"),
        }
    }

    fn order(&self, expected_total: Option<Money>) -> Result<Arc<Order>, Rejection> {
        let checkout = Checkout {
            expected_total,
            ..self.checkout.clone()
        };
        let command = Command::PlaceOrder(Box::new(checkout));
        let Answer::Checkout(draft) = self.decide(command.clone())? else {
            panic!("no order in the making");
        };
        let request = Request::of(command, 0);
        let decision = self.with_context(|context| finish(&self.state, &request, &draft, context));
        match decision?.answer {
            Answer::Order(order) => Ok(order),
            other => panic!("{other:?} is no order"),
        }
    }
}

fn usd(amount: i64) -> Money {
    Money::new(amount, Currency::USD).unwrap()
}

fn product(index: usize, price: i64, sale: Option<i64>) -> Product {
    Product {
        id: ProductId::parse(&format!("p{index}")).unwrap(),
        sku: Sku::parse(&format!("S{index}")).unwrap(),
        name: format!("Product {index}"),
        description: String::new(),
        base_price: usd(price),
        sale_price: sale.map(usd),
        status: Status::Active,
        brand_id: None,
        category_id: None,
        images: vec![],
        attributes: BTreeMap::new(),
        variants: vec![],
        created_at: NOW,
        updated_at: NOW,
    }
}

/// A line that remembers another price than today's.
fn line(index: usize, product: &Product, quantity: u32) -> Line {
    Line {
        id: LineId(Uuid::from_u128(index as u128)),
        product_id: product.id.clone(),
        variant_id: None,
        sku: product.sku.clone(),
        name: product.name.clone(),
        price: usd(1),
        quantity,
        attributes: BTreeMap::new(),
    }
}

fn state(cart: Cart, promotion_uses: BTreeMap<PromotionCode, u32>) -> State {
    let id = UserId(Uuid::from_u128(1));
    let account = Account {
        id,
        profile: Profile {
            email: Email::parse("ann@example.com").unwrap(),
            first_name: "Ann".to_owned(),
            last_name: "Lee".to_owned(),
            email_verified: false,
            created_at: NOW,
        },
        active: true,
        updated_at: NOW,
        roles: BTreeSet::new(),
        epoch: 0,
        sessions: vec![],
        order_seq: 4,
        promotion_uses,
        key_counts: BTreeMap::new(),
    };
    State::loaded(id, Some(account), cart)
}

fn code(index: usize) -> PromotionCode {
    PromotionCode::parse(&format!("CODE{index}")).unwrap()
}

fn method_id(index: u32) -> ShippingMethodId {
    ShippingMethodId::parse(&format!("ship_{index}")).unwrap()
}

prop_compose! {
    fn promotions()(drawn in prop::collection::vec(
        (prop_oneof![
            (0_u32..=1_000_000).prop_map(|rate| Discount::Percent(Rate(rate))),
            (0_i64..20_000).prop_map(|amount| Discount::Fixed(usd(amount))),
        ], prop::option::of(0_i64..20_000), prop::option::of(1_u32..3), 0_i64..1_500),
        4,
    )) -> Vec<Promotion> {
        let promotion = |(index, (discount, minimum, limit_per_user, from))| Promotion {
            code: code(index),
            discount,
            minimum_subtotal: Option::map(minimum, usd),
            valid_from: Some(Timestamp(from)),
            valid_until: None,
            limit_total: limit_per_user,
            limit_per_user,
        };
        drawn.into_iter().enumerate().map(promotion).collect()
    }
}

prop_compose! {
    fn shops()(
        rates in prop::collection::vec(0_u32..300_000, PLACES.len()),
        methods in prop::collection::vec((0_i64..3_000, prop::option::of(0_i64..50_000)), 0..3),
        promotions in promotions(),
    ) -> Shop {
        let tax_rate = |((country, state), rate): (&(&str, &str), u32)| TaxRate {
            country: (*country).to_owned(),
            state: Some((*state).to_owned()).filter(|state| !state.is_empty()),
            rate: Rate(rate),
        };
        let method = |(index, (price, free_from))| ShippingMethod {
            id: method_id(index),
            name: "Some way".to_owned(),
            price: usd(price),
            free_from: Option::map(free_from, usd),
            position: 0,
        };
        Shop {
            currency: Some(Currency::USD),
            tax_rates: PLACES.iter().zip(rates).map(tax_rate).collect(),
            shipping_methods: (0..).zip(methods).map(method).collect(),
            promotions: promotions.into_iter().map(|it| (it.code.clone(), it)).collect(),
        }
    }
}

prop_compose! {
    fn cases()(
        lines in prop::collection::vec((0_i64..100_000, any::<bool>(), 1_u32..20), 0..6),
        shop in shops(),
        place in prop::sample::select(&PLACES[..]),
        codes in prop::collection::vec(0_usize..5, 0..4),
        method in prop::option::weighted(0.3, 0_u32..3),
        used in 0_u32..3,
    ) -> Case {
        let products: Vec<_> = (0..).zip(&lines)
            .map(|(index, (price, reduced, _))| product(index, *price, reduced.then_some(price / 3)))
            .collect();
        let cart = Cart {
            lines: (0..).zip(products.iter().zip(&lines))
                .map(|(index, (product, (_, _, quantity)))| line(index, product, *quantity))
                .collect(),
            ..Cart::default()
        };
        Case {
            products: products.into_iter().map(|it| (it.id.clone(), it)).collect(),
            shop,
            state: state(cart, BTreeMap::from([(code(0), used)])),
            checkout: Checkout {
                promotion_codes: codes.into_iter().map(code).collect(),
                shipping_method_id: method.map(method_id),
                ..fixture::checkout(place.0, place.1)
            },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn the_order_is_what_the_quote_said(case in cases()) {
        let quoted = case.quote();
        let ordered = case.order(None);
        prop_assert_eq!(quoted.as_ref().err(), ordered.as_ref().err());
        let (Ok(quote), Ok(order)) = (quoted, ordered) else { return Ok(()) };
        prop_assert_eq!(&quote.lines, &order.lines);
        prop_assert_eq!(quote.totals, order.totals);
        prop_assert_eq!(&quote.promotion_codes, &order.promotion_codes);
        prop_assert_eq!(&quote.shipping_method_id, &order.shipping_method_id);

        let total = quote.totals.total;
        prop_assert_eq!(case.order(Some(total)).unwrap(), order);
        for wrong in [usd(total.amount + 1), usd(total.amount - 1)] {
            prop_assert_eq!(case.order(Some(wrong)), Err(Rejection::PriceChanged(total)));
        }
    }
}

#[test]
fn random_carts_are_mostly_priced_and_sometimes_refused() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let quoted = (0..200).filter(|_| {
        cases()
            .new_tree(&mut runner)
            .unwrap()
            .current()
            .quote()
            .is_ok()
    });
    let quoted = quoted.count();
    assert!((60..180).contains(&quoted), "{quoted}");
}
