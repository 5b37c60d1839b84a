//! Whatever is sent arrives as it was; and its bytes are those of this format.

use super::*;
use crate::actors::Failure;
use crate::actors::stock;
use crate::actors::user::{AccountView, Body, CartView, Reply};
use crate::domain::access::user_role;
use crate::domain::account::{Claim, Credential, Email, Profile};
use crate::domain::address::Address;
use crate::domain::cart::{Cart, Changed, Line};
use crate::domain::identity::Subject;
use crate::domain::ids::{
    FamilyId, LineId, OrderId, ProductId, PromotionCode, ShippingMethodId, Sku, UserId, VariantId,
};
use crate::domain::money::{Currency, Money};
use crate::domain::order::{Order, OrderLine, OrderStatus, Quote, Totals};
use crate::domain::stock::{Settlement, StockKey, Unreserved};
use crate::domain::time::Timestamp;
use crate::domain::user::{
    AccountChange, Checkout, Command, IfMatch, Key, Rejection, Request, fixture,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const ID: Uuid = Uuid::from_u128(0x0102_0304_0506_4708_8000_0000_0000_0001);

fn money(amount: i64) -> Money {
    Money::new(amount, Currency::USD).unwrap()
}

fn code() -> PromotionCode {
    PromotionCode::parse("SAVE10").unwrap()
}

fn shipping() -> ShippingMethodId {
    ShippingMethodId::standard()
}

fn attributes() -> BTreeMap<String, String> {
    BTreeMap::from([("colour".to_owned(), "blå".to_owned())])
}

fn address() -> Address {
    fixture::checkout("US", "NY").shipping_address
}

fn claim(credential: Credential) -> Box<Claim> {
    Box::new(Claim {
        user_id: UserId(ID),
        credential,
        profile: profile(),
        roles: BTreeSet::from([user_role()]),
    })
}

fn profile() -> Profile {
    Profile {
        email: Email::parse("ann@example.com").unwrap(),
        first_name: "Ann".to_owned(),
        last_name: "Å".to_owned(),
        email_verified: true,
        created_at: NOW,
    }
}

fn checkout() -> Checkout {
    Checkout {
        billing_address: Some(address()),
        promotion_codes: vec![code()],
        shipping_method_id: Some(shipping()),
        notes: "Ring twice".to_owned(),
        expected_total: Some(money(1_999)),
        ..fixture::checkout("US", "NY")
    }
}

/// One of every kind.
fn commands() -> Vec<Command> {
    let password = Credential::Password("$argon2id$".to_owned());
    let subject = Subject::parse("https://issuer.example", "2482").unwrap();
    let (family, line) = (FamilyId(ID), LineId(ID));
    vec![
        Command::OpenSession {
            claim: claim(password),
            family,
            token_hash: [1; 32],
        },
        Command::CompleteAccount(claim(Credential::Issued(subject))),
        Command::Refresh {
            family,
            generation: 300,
            token_hash: [2; 32],
            next_hash: [3; 32],
        },
        Command::Logout,
        Command::ViewAccount,
        Command::Administer {
            change: AccountChange::AssignRole {
                role: user_role(),
                gone: BTreeSet::from([user_role()]),
            },
            seen: 7,
        },
        Command::ViewCart,
        Command::AddItem {
            product_id: ProductId::parse("prod-1").unwrap(),
            variant_id: Some(VariantId::parse("v-1").unwrap()),
            quantity: -3,
            attributes: attributes(),
        },
        Command::SetQuantity {
            line,
            quantity: 999,
        },
        Command::RemoveItem(line),
        Command::ClearCart,
        Command::Quote(Box::new(checkout().terms())),
        Command::PlaceOrder(Box::new(checkout())),
        Command::Fence {
            unless_placing: OrderId(ID),
        },
    ]
}

fn requests() -> Vec<Request> {
    let request = |command| Request {
        command,
        epoch: Some(300),
        if_match: IfMatch::Revisions(vec![1, 1 << 40]),
        key: Some(Key {
            key: "k-1".to_owned(),
            fingerprint: [9; 32],
        }),
    };
    let mut requests: Vec<_> = commands().into_iter().map(request).collect();
    requests.push(Request::anonymous(Command::ViewCart));
    requests
}

fn cart(lines: u128) -> Cart {
    let line = |number| Line {
        id: LineId(Uuid::from_u128(number)),
        product_id: ProductId::parse("prod-1").unwrap(),
        variant_id: None,
        sku: Sku::parse("sku-1").unwrap(),
        name: "A shirt".to_owned(),
        price: money(1_999),
        quantity: 2,
        attributes: attributes(),
    };
    Cart {
        revision: 12,
        lines: (0..lines).map(line).collect(),
        changed: Some(Changed {
            first: NOW,
            last: Timestamp(NOW.0 + 1),
        }),
    }
}

fn order_line() -> OrderLine {
    OrderLine {
        id: LineId(ID),
        product_id: ProductId::parse("prod-1").unwrap(),
        variant_id: Some(VariantId::parse("v-1").unwrap()),
        sku: Sku::parse("sku-1").unwrap(),
        name: "A shirt".to_owned(),
        attributes: attributes(),
        quantity: 2,
        unit_price: money(1_999),
        discount: money(400),
        tax: money(315),
        total: money(3_913),
    }
}

fn totals() -> Totals {
    Totals {
        subtotal: money(3_998),
        discount: money(400),
        tax: money(315),
        shipping: money(0),
        total: money(3_913),
    }
}

fn order() -> Order {
    Order {
        id: OrderId(ID),
        user_id: UserId(ID),
        seq: 3,
        status: OrderStatus::Pending,
        lines: vec![order_line()],
        shipping_address: address(),
        billing_address: address(),
        payment_method_id: "pm_1".to_owned(),
        promotion_codes: vec![code()],
        shipping_method_id: shipping(),
        totals: totals(),
        notes: String::new(),
        created_at: NOW,
        updated_at: NOW,
    }
}

/// One of every kind.
fn bodies() -> Vec<Body> {
    vec![
        Body::Done,
        Body::Account(AccountView {
            id: UserId(ID),
            profile: profile(),
            active: true,
            updated_at: NOW,
            roles: BTreeSet::from([user_role()]),
            epoch: 4,
            order_seq: 3,
        }),
        Body::Cart(CartView {
            user_id: UserId(ID),
            cart: Arc::new(cart(2)),
            account_created_at: NOW,
        }),
        Body::Quote(Box::new(Quote {
            lines: vec![order_line()],
            promotion_codes: vec![code()],
            shipping_method_id: shipping(),
            totals: totals(),
        })),
        Body::Order(Arc::new(order())),
        Body::PastOrder(OrderId(ID)),
    ]
}

fn rejections() -> Vec<Rejection> {
    vec![
        Rejection::Unauthenticated,
        Rejection::OutOfStock {
            sku: "sku-1".to_owned(),
            available: 3,
        },
        Rejection::ProductUnavailable {
            name: "A shirt".to_owned(),
        },
        Rejection::UnknownShippingMethod(shipping()),
        Rejection::Promotion {
            code: code(),
            problem: "has ended".to_owned(),
        },
        Rejection::PriceChanged(money(5)),
        Rejection::CartChanged,
    ]
}

fn replies() -> Vec<Result<Reply, Failure>> {
    let given = |body| {
        Ok(Reply {
            body,
            replayed: true,
        })
    };
    let refused = |rejection| Err(Failure::Rejected(rejection));
    let failures = [Failure::Busy, Failure::Unavailable, Failure::Internal];
    let given = bodies().into_iter().map(given);
    let refused = rejections().into_iter().map(refused);
    given.chain(refused).chain(failures.map(Err)).collect()
}

fn stock_keys() -> Vec<StockKey> {
    let sku = Sku::parse("sku-1").unwrap();
    vec![StockKey::Sku(sku), StockKey::Promotion(code())]
}

fn stock_requests() -> Vec<stock::Request> {
    let order = OrderId(ID);
    vec![
        stock::Request::Available,
        stock::Request::Reserve(order, 300),
        stock::Request::Settle(order, Settlement::Sold),
        stock::Request::Settle(order, Settlement::Released),
    ]
}

fn stock_replies() -> Vec<Result<stock::Reply, Failure>> {
    vec![
        Ok(stock::Reply::Available {
            units: 1 << 40,
            age: Duration::from_millis(1_500),
        }),
        Ok(stock::Reply::Held),
        Ok(stock::Reply::Refused(Unreserved::Insufficient {
            available: 2,
        })),
        Ok(stock::Reply::Refused(Unreserved::Settled)),
        Ok(stock::Reply::Settled),
        Err(Failure::Unavailable),
    ]
}

fn assert_arrives<T: Wire + Debug + PartialEq>(sent: Vec<T>) {
    for value in sent {
        let bytes = encode(&value);
        assert_eq!(decode::<T>(&bytes).unwrap(), value);
        let cut = decode::<T>(&bytes[..bytes.len() - 1]);
        assert!(cut.is_err() || bytes.len() == 1, "{value:?}, cut");
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(decode::<T>(&longer), Err(Unreadable::Content), "{value:?}");
    }
}

#[test]
fn whatever_is_sent_arrives_as_it_was() {
    assert_arrives(requests());
    assert_arrives(replies());
    assert_arrives(stock_keys());
    assert_arrives(stock_requests());
    assert_arrives(stock_replies());
    assert_arrives(vec![UserId(ID)]);
}

/// A failure here means that nodes of two versions would misread each other: give `FORMAT` another
/// number, and this its bytes.
#[test]
fn the_bytes_are_those_of_this_format() {
    fn add<T: Wire>(hash: &mut Sha256, sent: &[T]) {
        sent.iter().for_each(|value| hash.update(encode(value)));
    }
    let mut hash = Sha256::new();
    add(&mut hash, &requests());
    add(&mut hash, &replies());
    add(&mut hash, &stock_keys());
    add(&mut hash, &stock_requests());
    add(&mut hash, &stock_replies());
    add(&mut hash, &[UserId(ID)]);
    let hash = hash.finalize();
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    insta::assert_snapshot!(format!("{FORMAT} {}", &hash[..16]), @"1 02811697c0cde5c8");
}

#[test]
fn another_format_is_named_and_not_read() {
    let mut bytes = encode(&stock::Request::Available);
    bytes[0] = 2;
    let unreadable = decode::<stock::Request>(&bytes).unwrap_err();
    insta::assert_snapshot!(unreadable, @"format Some(2) is unknown; this version reads format 1");
    assert_eq!(decode::<UserId>(&[]), Err(Unreadable::Format(None)));
}

proptest! {
    #[test]
    fn any_cart_and_any_order_arrive_as_they_were(
        lines in 0_u128..100,
        name in "\\PC{0,40}",
        quantity: u32,
        amount in 0..Money::MAX_AMOUNT,
        seq: u64,
    ) {
        let mut cart = cart(lines);
        for line in &mut cart.lines {
            (line.quantity, line.price) = (quantity, money(amount));
            line.name.clone_from(&name);
        }
        prop_assert_eq!(decode::<Cart>(&encode(&cart)).unwrap(), cart);
        let mut order = Order { seq, notes: name, ..order() };
        order.lines[0].quantity = quantity;
        order.totals.total = money(amount);
        prop_assert_eq!(decode::<Order>(&encode(&order)).unwrap(), order);
    }

    #[test]
    fn no_bytes_do_harm(bytes: Vec<u8>) {
        let bytes = [&[FORMAT], &bytes[..]].concat();
        let _ = decode::<Request>(&bytes);
        let _ = decode::<Result<Reply, Failure>>(&bytes);
    }
}
