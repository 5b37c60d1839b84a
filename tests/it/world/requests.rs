//! What users ask for.

use super::World;
use cartwright::actors::Failure;
use cartwright::actors::user::{CartView, Reply};
use cartwright::domain::access::user_role;
use cartwright::domain::account::{Claim, Credential, Email, Profile};
use cartwright::domain::address::{Address, AddressInput};
use cartwright::domain::ids::{FamilyId, LineId, ProductId, UserId};
use cartwright::domain::user::{Checkout, Command, Key, Request};
use cartwright::sources::Clock;
use cartwright::store::Store;
use std::collections::{BTreeMap, BTreeSet};

pub fn add(name: &str, units: i64) -> Command {
    Command::AddItem {
        product_id: ProductId::parse(name).unwrap(),
        variant_id: None,
        quantity: units,
        attributes: BTreeMap::new(),
    }
}

/// Registers a user whose first session is a family of the same id, with a token hash of zeros.
pub fn open(world: &World<impl Store>, id: UserId) -> Request {
    let profile = Profile {
        email: Email::parse(&format!("{id}@example.com")).unwrap(),
        first_name: "Ann".into(),
        last_name: "Lee".into(),
        email_verified: false,
        created_at: world.clock.now(),
    };
    let claim = Claim {
        user_id: id,
        credential: Credential::Password("none".into()),
        profile,
        roles: BTreeSet::from([user_role()]),
    };
    Request::anonymous(Command::OpenSession {
        claim: Box::new(claim),
        family: FamilyId(id.0),
        token_hash: [0; 32],
    })
}

pub fn view() -> Request {
    Request::of(Command::ViewCart, 0)
}

/// The request with an idempotency key, always with the same fingerprint.
pub fn keyed(request: Request, key: &str) -> Request {
    let key = Some(Key {
        key: key.to_owned(),
        fingerprint: [7; 32],
    });
    Request { key, ..request }
}

pub fn units(reply: Result<Reply, Failure>, name: &str) -> u32 {
    line_of(&reply.unwrap().into_cart().unwrap(), name).map_or(0, |(_, quantity)| quantity)
}

pub fn line_of(cart: &CartView, name: &str) -> Option<(LineId, u32)> {
    let line = cart
        .cart
        .lines
        .iter()
        .find(|line| line.product_id.as_str() == name);
    line.map(|line| (line.id, line.quantity))
}

pub fn order_request(key: Option<&str>) -> Request {
    order_request_with(key, |_| {})
}

pub fn order_request_with(key: Option<&str>, edit: impl FnOnce(&mut Checkout)) -> Request {
    let mut checkout = Checkout {
        shipping_address: address(),
        billing_address: None,
        payment_method_id: "pm_1".into(),
        promotion_codes: Vec::new(),
        shipping_method_id: None,
        notes: String::new(),
        expected_total: None,
    };
    edit(&mut checkout);
    let key = key.map(|key| Key {
        key: key.to_owned(),
        fingerprint: [7; 32],
    });
    Request {
        key,
        ..Request::of(Command::PlaceOrder(Box::new(checkout)), 0)
    }
}

pub fn address() -> Address {
    let text = |text: &str| Some(text.to_owned());
    let input = AddressInput {
        first_name: text("Ann"),
        last_name: text("Lee"),
        address1: text("1 Main Street"),
        city: text("New York"),
        state: text("NY"),
        postal_code: text("10001"),
        country: text("US"),
        ..AddressInput::default()
    };
    Address::parse(input, "shipping_address").unwrap()
}
