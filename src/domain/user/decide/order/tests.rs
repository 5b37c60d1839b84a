//! What a cart becomes when it is ordered, and what it takes for that to stand.

use super::*;
use crate::domain::account::{Claim, Credential, Email, KeyUse, Profile};
use crate::domain::address::Address;
use crate::domain::cart::Line;
use crate::domain::catalog::{Attributes, Catalog, Product, Status, Variant};
use crate::domain::ids::{LineId, ProductId, ShippingMethodId, Sku, UserId, VariantId};
use crate::domain::money::{Currency, Money, Rate};
use crate::domain::shop::{Discount, Shop, TaxRate};
use crate::domain::time::Timestamp;
use crate::domain::user::{Command, IfMatch, Key, decide};
use std::cell::Cell;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_000_000);

fn usd(amount: i64) -> Money {
    Money::new(amount, Currency::USD).unwrap()
}

#[derive(Default)]
struct Products(BTreeMap<ProductId, Product>);

impl Catalog for Products {
    fn product(&self, id: &ProductId) -> Option<&Product> {
        self.0.get(id)
    }
}

fn product(id: &str, price: i64) -> Product {
    Product {
        id: ProductId::parse(id).unwrap(),
        sku: Sku::parse(&format!("sku-{id}")).unwrap(),
        name: format!("The {id}"),
        description: String::new(),
        base_price: usd(price),
        sale_price: None,
        status: Status::Active,
        brand_id: None,
        category_id: None,
        images: Vec::new(),
        attributes: BTreeMap::new(),
        variants: Vec::new(),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn code(text: &str) -> PromotionCode {
    PromotionCode::parse(text).unwrap()
}

fn promotion(name: &str, discount: Discount) -> Promotion {
    Promotion {
        code: code(name),
        discount,
        minimum_subtotal: None,
        valid_from: None,
        valid_until: None,
        limit_total: None,
        limit_per_user: None,
    }
}

/// A shop with what it sells, and one user of it.
struct Fixture {
    products: Products,
    shop: Shop,
    state: State,
    ids: Cell<u128>,
}

impl Fixture {
    fn new(products: impl IntoIterator<Item = Product>) -> Self {
        let user = UserId(Uuid::from_u128(1));
        let products = products.into_iter().map(|it| (it.id.clone(), it));
        let mut state = State::loaded(user, None, Cart::default());
        state.apply(&Event::AccountCompleted(Box::new(claim(user))));
        Self {
            products: Products(products.collect()),
            shop: Shop::default(),
            state,
            ids: Cell::new(100),
        }
    }

    fn promote(&mut self, promotion: Promotion) {
        let code = promotion.code.clone();
        self.shop.promotions.insert(code, promotion);
    }

    fn with<T>(&self, decision: impl FnOnce(&Context<'_>) -> T) -> T {
        decision(&Context {
            now: NOW,
            fresh_id: &|| {
                self.ids.set(self.ids.get() + 1);
                Uuid::from_u128(self.ids.get())
            },
            catalog: &self.products,
            shop: &self.shop,
            stored_size: |_| 0,
            available: None,
            looked_up: None,
        })
    }

    /// Puts a line into the cart as it is there, whatever the shop sells now.
    fn line(&mut self, product: &str, quantity: u32) -> LineId {
        let id = LineId(Uuid::from_u128(self.state.cart.lines.len() as u128 + 1));
        let line = Line {
            id,
            product_id: ProductId::parse(product).unwrap(),
            variant_id: None,
            sku: Sku::parse(&format!("sku-{product}")).unwrap(),
            name: format!("The {product}, as it was"),
            price: usd(1),
            quantity,
            attributes: Attributes::new(),
        };
        self.cart().lines.push(line);
        id
    }

    fn cart(&mut self) -> &mut Cart {
        Arc::make_mut(&mut self.state.cart)
    }

    fn last_line(&mut self) -> &mut Line {
        self.cart().lines.last_mut().unwrap()
    }

    fn draft(&self, edit: impl FnOnce(&mut Checkout)) -> Result<Draft, Rejection> {
        let decided = self.with(|context| decide(&self.state, &request(edit), context))?;
        match decided.answer {
            Answer::Checkout(draft) => Ok(*draft),
            other => panic!("not drafted: {other:?}"),
        }
    }

    fn finish(&self, draft: &Draft) -> Result<Decision, Rejection> {
        self.with(|context| finish(&self.state, &request(|_| {}), draft, context))
    }

    /// Drafts, finishes and applies an order.
    fn order(&mut self, edit: impl FnOnce(&mut Checkout)) -> Result<Arc<Order>, Rejection> {
        let draft = self.draft(edit)?;
        let decision = self.finish(&draft)?;
        for event in &decision.events {
            self.state.apply(event);
        }
        match decision.answer {
            Answer::Order(order) => Ok(order),
            other => panic!("not ordered: {other:?}"),
        }
    }
}

fn claim(user_id: UserId) -> Claim {
    Claim {
        user_id,
        credential: Credential::Password("none".into()),
        profile: Profile {
            email: Email::parse("ann@example.com").unwrap(),
            first_name: "Ann".into(),
            last_name: "Lee".into(),
            email_verified: false,
            created_at: NOW,
        },
        roles: [].into(),
    }
}

fn address(first_name: &str) -> Address {
    Address {
        first_name: first_name.to_owned(),
        last_name: "Doe".to_owned(),
        company: "Tech Corp".to_owned(),
        address1: "123 Main St".to_owned(),
        address2: "Apt 4B".to_owned(),
        city: "New York".to_owned(),
        state: "NY".to_owned(),
        postal_code: "10001".to_owned(),
        country: "US".to_owned(),
        phone_number: "555-0100".to_owned(),
    }
}

fn request(edit: impl FnOnce(&mut Checkout)) -> Request {
    let mut checkout = Checkout {
        shipping_address: address("John"),
        billing_address: None,
        payment_method_id: "pm_123".into(),
        promotion_codes: Vec::new(),
        shipping_method_id: None,
        notes: "Please deliver after 5 PM".into(),
        expected_total: None,
    };
    edit(&mut checkout);
    Request {
        command: Command::PlaceOrder(Box::new(checkout)),
        epoch: Some(0),
        if_match: IfMatch::Anything,
        key: Some(Key {
            key: "k".into(),
            fingerprint: [7; 32],
        }),
    }
}

fn codes(names: &[&str]) -> impl FnOnce(&mut Checkout) {
    let codes = names.iter().map(|name| code(name)).collect();
    move |checkout| checkout.promotion_codes = codes
}

#[test]
fn an_empty_cart_is_not_ordered() {
    let shop = Fixture::new([]);
    assert_eq!(shop.draft(|_| {}).unwrap_err(), Rejection::CartEmpty);
}

#[test]
fn a_product_that_is_no_longer_sold_is_named_as_the_cart_knows_it() {
    let mut shop = Fixture::new([product("mug", 500)]);
    shop.line("mug", 1);
    shop.line("shirt", 1);
    let name = "The shirt, as it was".to_owned();
    let refused = shop.draft(|_| {}).unwrap_err();
    assert_eq!(refused, Rejection::ProductUnavailable { name });
}

#[test]
fn a_line_without_a_variant_of_a_product_that_has_some_is_unavailable() {
    let mut mug = product("mug", 500);
    mug.variants.push(variant("large", 700));
    let mut shop = Fixture::new([mug]);
    shop.line("mug", 1);
    let refused = shop.draft(|_| {}).unwrap_err();
    assert!(matches!(refused, Rejection::ProductUnavailable { .. }));
}

#[test]
fn an_unknown_shipping_method_is_named() {
    let mut shop = Fixture::new([product("mug", 500)]);
    shop.line("mug", 1);
    let id = ShippingMethodId::parse("ship_rocket").unwrap();
    let wanted = id.clone();
    let refused = shop.draft(|it| it.shipping_method_id = Some(wanted));
    assert_eq!(refused.unwrap_err(), Rejection::UnknownShippingMethod(id));
}

#[test]
fn an_unknown_promotion_is_named() {
    let mut shop = Fixture::new([product("mug", 500)]);
    shop.line("mug", 1);
    let refused = shop.draft(codes(&["nothing"])).unwrap_err();
    assert_eq!(refused.to_string(), "promotion_codes: NOTHING is unknown");
}

#[test]
fn a_total_that_was_not_expected_is_refused_with_what_it_is() {
    let mut shop = Fixture::new([product("mug", 500)]);
    shop.line("mug", 3);
    let refused = shop.draft(|it| it.expected_total = Some(usd(1_499)));
    assert_eq!(refused.unwrap_err(), Rejection::PriceChanged(usd(1_500)));
    assert!(
        shop.draft(|it| it.expected_total = Some(usd(1_500)))
            .is_ok()
    );
}

#[test]
fn demand_is_summed_over_the_lines_of_a_sku() {
    let mut shop = Fixture::new([product("mug", 500), product("shirt", 900)]);
    shop.line("mug", 2);
    shop.line("shirt", 4);
    shop.line("mug", 3);
    let engraving = ("engraving".to_owned(), "Ann".to_owned());
    shop.last_line().attributes = [engraving].into();
    let demand = shop.draft(|_| {}).unwrap().demand;
    let units = |sku: &str, units| (StockKey::Sku(Sku::parse(sku).unwrap()), units);
    assert_eq!(demand, [units("sku-mug", 5), units("sku-shirt", 4)]);
}

fn variant(id: &str, price: i64) -> Variant {
    Variant {
        id: VariantId::parse(id).unwrap(),
        sku: Sku::parse(&format!("sku-{id}")).unwrap(),
        name: id.to_owned(),
        price: usd(price),
        sale_price: None,
        attributes: Attributes::new(),
    }
}

#[test]
fn an_order_line_is_what_the_customer_chose_at_todays_price() {
    let mut mug = product("mug", 500);
    mug.variants
        .extend([variant("small", 400), variant("large", 700)]);
    mug.variants[1].sale_price = Some(usd(650));
    let mut shop = Fixture::new([mug]);
    let id = shop.line("mug", 2);
    let large = VariantId::parse("large").unwrap();
    let engraving: Attributes = [("engraving".to_owned(), "Ann".to_owned())].into();
    shop.last_line().variant_id = Some(large.clone());
    shop.last_line().attributes = engraving.clone();
    let line = shop.draft(|_| {}).unwrap().order.lines.remove(0);
    let zero = usd(0);
    let expected = OrderLine {
        id,
        product_id: ProductId::parse("mug").unwrap(),
        variant_id: Some(large),
        sku: Sku::parse("sku-large").unwrap(),
        name: "The mug".to_owned(),
        attributes: engraving,
        quantity: 2,
        unit_price: usd(650),
        discount: zero,
        tax: zero,
        total: usd(1_300),
    };
    assert_eq!(line, expected);
}

#[test]
fn a_promotion_that_is_limited_in_all_takes_one_use_from_stock() {
    let mut shop = Fixture::new([product("mug", 500)]);
    shop.promote(Promotion {
        limit_total: Some(10),
        ..promotion("FEW", Discount::Fixed(usd(100)))
    });
    shop.promote(promotion("MANY", Discount::Fixed(usd(10))));
    shop.line("mug", 3);
    let draft = shop.draft(codes(&["MANY", "few", "FEW"])).unwrap();
    let mug = StockKey::Sku(Sku::parse("sku-mug").unwrap());
    let few = StockKey::Promotion(code("FEW"));
    assert_eq!(draft.demand, [(mug, 3), (few, 1)]);
    assert_eq!(draft.order.promotion_codes, [code("MANY"), code("FEW")]);
    assert_eq!(draft.counted, []);
}

#[test]
fn a_promotion_that_is_limited_per_user_is_counted_and_refused_at_its_limit() {
    let mut shop = Fixture::new([product("mug", 500)]);
    shop.promote(Promotion {
        limit_per_user: Some(2),
        ..promotion("TWICE", Discount::Fixed(usd(100)))
    });
    for used in 1..=2 {
        shop.line("mug", 1);
        shop.state.known_keys.clear();
        assert_eq!(
            shop.order(codes(&["TWICE"])).unwrap().totals.discount,
            usd(100)
        );
        let uses = &shop.state.account.as_ref().unwrap().promotion_uses;
        assert_eq!(uses.get(&code("TWICE")), Some(&used));
    }
    shop.line("mug", 1);
    shop.state.known_keys.clear();
    let refused = shop.order(codes(&["TWICE"])).unwrap_err();
    let text = "promotion_codes: TWICE was used as often as one customer may";
    assert_eq!(refused.to_string(), text);
    assert!(shop.order(|_| {}).is_ok(), "without it");
}

#[test]
fn a_promotion_whose_uses_ran_out_since_the_draft_is_decided_again() {
    let mut shop = Fixture::new([product("mug", 500)]);
    shop.promote(Promotion {
        limit_per_user: Some(1),
        ..promotion("ONCE", Discount::Fixed(usd(100)))
    });
    shop.line("mug", 1);
    let draft = shop.draft(codes(&["ONCE"])).unwrap();
    let account = shop.state.account.as_mut().unwrap();
    account.promotion_uses.insert(code("ONCE"), 1);
    assert_eq!(shop.finish(&draft).unwrap_err(), Rejection::CartChanged);
}

/// The example of the public interface: a laptop of 999.99, taxed 8.75 % in New York.
#[test]
fn the_published_example_comes_to_what_it_says() {
    let mut shop = Fixture::new([product("prod-1", 99_999)]);
    shop.shop.tax_rates.push(TaxRate {
        country: "US".to_owned(),
        state: Some("NY".to_owned()),
        rate: Rate(87_500),
    });
    shop.line("prod-1", 1);
    let standard = ShippingMethodId::parse("ship_standard").unwrap();
    let order = shop
        .order(|it| it.shipping_method_id = Some(standard))
        .unwrap();
    let totals = order.totals;
    assert_eq!(totals.subtotal, usd(99_999));
    assert_eq!(totals.discount, usd(0));
    assert_eq!(totals.tax, usd(8_750));
    assert_eq!(totals.shipping, usd(0));
    assert_eq!(totals.total, usd(108_749));
    let line = &order.lines[0];
    assert_eq!((line.tax, line.total), (usd(8_750), usd(108_749)));
    assert_eq!(order.shipping_address, order.billing_address);
    assert_eq!(order.payment_method_id, "pm_123");
    assert_eq!(order.notes, "Please deliver after 5 PM");
    assert_eq!((order.created_at, order.updated_at), (NOW, NOW));
}

#[test]
fn the_billing_address_is_the_one_that_was_given() {
    let mut shop = Fixture::new([product("mug", 500)]);
    shop.line("mug", 1);
    let draft = shop.draft(|it| it.billing_address = Some(address("Ann")));
    let order = draft.unwrap().order;
    assert_eq!(order.billing_address.first_name, "Ann");
    assert_eq!(order.shipping_address.first_name, "John");
}

#[test]
fn orders_of_a_user_count_from_one() {
    let mut shop = Fixture::new([product("mug", 500)]);
    for seq in 1..=3 {
        shop.line("mug", 1);
        shop.state.known_keys.clear();
        assert_eq!(shop.order(|_| {}).unwrap().seq, seq);
        assert_eq!(shop.state.cart.lines, []);
    }
}

#[test]
fn a_line_that_is_gone_or_smaller_is_not_ordered() {
    let mut shop = Fixture::new([product("mug", 500), product("shirt", 900)]);
    let mug = shop.line("mug", 2);
    shop.line("shirt", 2);
    let draft = shop.draft(|_| {}).unwrap();
    let whole = shop.state.clone();
    shop.last_line().quantity = 1;
    assert_eq!(shop.finish(&draft).unwrap_err(), Rejection::CartChanged);
    shop.state = whole;
    let removed = Event::LineRemoved { line: mug, at: NOW };
    shop.state.apply(&removed);
    assert_eq!(shop.finish(&draft).unwrap_err(), Rejection::CartChanged);
}

#[test]
fn what_was_added_since_the_draft_stays_in_the_cart() {
    let mut shop = Fixture::new([product("mug", 500), product("shirt", 900)]);
    let mug = shop.line("mug", 2);
    let draft = shop.draft(|_| {}).unwrap();
    shop.last_line().quantity = 5;
    shop.line("shirt", 1);
    let decision = shop.finish(&draft).unwrap();
    for event in &decision.events {
        shop.state.apply(event);
    }
    let left: Vec<_> = shop
        .state
        .cart
        .lines
        .iter()
        .map(|line| line.quantity)
        .collect();
    assert_eq!(left, [3, 1]);
    assert_eq!(shop.state.cart.line(mug).map(|line| line.quantity), Some(3));
}

#[test]
fn a_key_that_took_effect_since_the_draft_takes_no_second_one() {
    let mut shop = Fixture::new([product("mug", 500)]);
    shop.line("mug", 2);
    let draft = shop.draft(|_| {}).unwrap();
    let used = KeyUse {
        fingerprint: [7; 32],
        at: NOW,
        order_id: None,
    };
    shop.state.apply(&Event::KeyUsed {
        key: "k".into(),
        used,
    });
    assert_eq!(shop.finish(&draft).unwrap_err(), Rejection::CartChanged);
}

#[test]
fn an_order_records_its_key() {
    let mut shop = Fixture::new([product("mug", 500)]);
    shop.line("mug", 2);
    let order = shop.order(|_| {}).unwrap();
    let used = shop.state.known_keys.get("k").unwrap();
    assert_eq!(used.order_id, Some(order.id));
}

#[test]
fn a_token_that_was_voided_since_the_draft_buys_nothing() {
    let mut shop = Fixture::new([product("mug", 500)]);
    shop.line("mug", 2);
    let draft = shop.draft(|_| {}).unwrap();
    shop.state.apply(&Event::LoggedOut);
    assert_eq!(shop.finish(&draft).unwrap_err(), Rejection::Unauthenticated);
}
