//! Values to store: every field filled, everything fixed.

use cartwright::domain::access::{Permission, Role, RoleBook};
use cartwright::domain::account::{Account, Claim, Credential, Email, KeyUse, Profile, Session};
use cartwright::domain::address::Address;
use cartwright::domain::cart::{Cart, Changed, Line};
use cartwright::domain::catalog::{Attributes, Brand, Category, Product, Status, Variant};
use cartwright::domain::identity::{LoginId, PendingLogin, Subject};
use cartwright::domain::ids::{
    BrandId, CategoryId, FamilyId, LineId, OrderId, PermissionId, ProductId, PromotionCode, RoleId,
    ShippingMethodId, Sku, UserId, VariantId,
};
use cartwright::domain::money::{Currency, Money, Rate};
use cartwright::domain::order::{Attempt, Order, OrderLine, OrderStatus, Totals};
use cartwright::domain::shop::{Discount, Promotion, ShippingMethod, TaxRate};
use cartwright::domain::stock::StockKey;
use cartwright::domain::time::Timestamp;
use cartwright::store::{Change, Commit, LoginWrite, UserWrite, Version, WriteId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);

pub(crate) fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x0102_0304_0506_4708_8000_0000_0000_0000 + number)
}

pub(crate) fn user_id(number: u128) -> UserId {
    UserId(uuid(number))
}

pub(crate) fn order_id(number: u128) -> OrderId {
    OrderId(uuid(0x1_0000 + number))
}

pub(crate) fn write_id(number: u128) -> WriteId {
    WriteId(uuid(0x2_0000 + number))
}

pub(crate) fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

pub(crate) fn sku(text: &str) -> StockKey {
    StockKey::Sku(Sku::parse(text).unwrap())
}

pub(crate) fn code(text: &str) -> PromotionCode {
    PromotionCode::parse(text).unwrap()
}

/// A commit in a user's partition.
pub(crate) fn commit(user: UserId, expected: Version, write: WriteId, change: UserWrite) -> Commit {
    Commit {
        expected,
        write,
        change: Change::User(user, change),
    }
}

/// A write of a cart that tells itself apart by its revision.
pub(crate) fn cart_write(revision: u64) -> UserWrite {
    UserWrite {
        cart: Some(Arc::new(Cart { revision, ..cart() })),
        ..UserWrite::default()
    }
}

pub(crate) fn money(amount: i64) -> Money {
    Money::new(amount, Currency::USD).unwrap()
}

fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn profile() -> Profile {
    Profile {
        email: email("ann@example.com"),
        first_name: "Ann".to_owned(),
        last_name: "Å".to_owned(),
        email_verified: true,
        created_at: NOW,
    }
}

pub(crate) fn account() -> Account {
    Account {
        id: user_id(1),
        profile: profile(),
        active: true,
        updated_at: Timestamp(NOW.0 + 1),
        roles: BTreeSet::from([RoleId(uuid(2)), RoleId(uuid(3))]),
        epoch: 300,
        sessions: vec![Session {
            family: FamilyId(uuid(4)),
            expires_at: Timestamp(NOW.0 + 2),
            generation: 5,
            token_hash: [0xab; 32],
            rotated_at: Timestamp(NOW.0 + 3),
        }],
        order_seq: 7,
        promotion_uses: BTreeMap::from([(code("SAVE10"), 2)]),
        key_counts: BTreeMap::from([(472_222, 3)]),
    }
}

pub(crate) fn subject(sub: &str) -> Subject {
    Subject::parse("https://issuer.example", sub).unwrap()
}

/// A claim on the word of an issuer.
pub(crate) fn issued_claim() -> Claim {
    Claim {
        credential: Credential::Issued(subject("2482")),
        ..claim()
    }
}

pub(crate) fn login_id(number: u8) -> LoginId {
    LoginId([number; 32])
}

pub(crate) fn pending_login() -> PendingLogin {
    PendingLogin {
        nonce: "no".to_owned(),
        verifier: "ver".to_owned(),
        created_at: NOW,
    }
}

/// A commit of a login: begun, or taken where there is none.
pub(crate) fn login_commit(
    login: LoginId,
    expected: Version,
    write: WriteId,
    pending: Option<PendingLogin>,
    at: Timestamp,
) -> Commit {
    Commit {
        expected,
        write,
        change: Change::Login(login, LoginWrite { pending, at }),
    }
}

pub(crate) fn role_book() -> RoleBook {
    let permission = Permission {
        id: PermissionId(uuid(6)),
        name: "pack_orders".to_owned(),
        resource: "orders".to_owned(),
        action: "pack".to_owned(),
        description: "Packing".to_owned(),
    };
    let role = Role {
        id: RoleId(uuid(2)),
        name: "packer".to_owned(),
        description: "Packs".to_owned(),
        built_in: false,
        permissions: BTreeSet::from([permission.id]),
    };
    RoleBook {
        roles: BTreeMap::from([(role.id, role)]),
        permissions: BTreeMap::from([(permission.id, permission)]),
    }
}

pub(crate) fn cart() -> Cart {
    Cart {
        revision: 9,
        lines: vec![Line {
            id: LineId(uuid(5)),
            product_id: ProductId::parse("prod-1").unwrap(),
            variant_id: Some(VariantId::parse("v-1").unwrap()),
            sku: Sku::parse("SKU-1").unwrap(),
            name: "Shirt".to_owned(),
            price: money(1_999),
            quantity: 2,
            attributes: attributes(&[("size", "M")]),
        }],
        changed: Some(Changed {
            first: NOW,
            last: Timestamp(NOW.0 + 4),
        }),
    }
}

pub(crate) fn key_use(at: Timestamp) -> KeyUse {
    KeyUse {
        fingerprint: [0xcd; 32],
        at,
        order_id: Some(order_id(1)),
    }
}

pub(crate) fn claim() -> Claim {
    Claim {
        user_id: user_id(1),
        credential: Credential::Password("$argon2id$v=19$x".to_owned()),
        profile: profile(),
        roles: BTreeSet::from([RoleId(uuid(2))]),
    }
}

fn address() -> Address {
    Address {
        first_name: "Ann".to_owned(),
        last_name: "Å".to_owned(),
        company: String::new(),
        address1: "1 Main St".to_owned(),
        address2: String::new(),
        city: "New York".to_owned(),
        state: "NY".to_owned(),
        postal_code: "10001".to_owned(),
        country: "US".to_owned(),
        phone_number: "1".to_owned(),
    }
}

pub(crate) fn order(user: UserId, seq: u64) -> Order {
    Order {
        id: order_id(seq.into()),
        user_id: user,
        seq,
        status: OrderStatus::Pending,
        lines: vec![OrderLine {
            id: LineId(uuid(5)),
            product_id: ProductId::parse("prod-1").unwrap(),
            variant_id: None,
            sku: Sku::parse("SKU-1").unwrap(),
            name: "Shirt".to_owned(),
            attributes: attributes(&[("size", "M")]),
            quantity: 2,
            unit_price: money(1_000),
            discount: money(200),
            tax: money(158),
            total: money(1_958),
        }],
        shipping_address: address(),
        billing_address: address(),
        payment_method_id: "pm_1".to_owned(),
        promotion_codes: vec![code("SAVE10")],
        shipping_method_id: ShippingMethodId::parse("ship_standard").unwrap(),
        totals: Totals {
            subtotal: money(2_000),
            discount: money(200),
            tax: money(158),
            shipping: money(0),
            total: money(1_958),
        },
        notes: "ring twice".to_owned(),
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn attempt(order: OrderId, user: UserId, created_at: Timestamp) -> Attempt {
    Attempt {
        order_id: order,
        user_id: user,
        created_at,
        deadline: Timestamp(created_at.0 + 30_000),
        demand: vec![(sku("SKU-1"), 2), (StockKey::Promotion(code("SAVE10")), 1)],
    }
}

pub(crate) fn product(id: &str) -> Product {
    Product {
        id: ProductId::parse(id).unwrap(),
        sku: Sku::parse("SKU-1").unwrap(),
        name: "Shirt".to_owned(),
        description: "Soft".to_owned(),
        base_price: money(2_500),
        sale_price: Some(money(1_999)),
        status: Status::Active,
        brand_id: Some(BrandId::parse("brand-1").unwrap()),
        category_id: Some(CategoryId::parse("cat-1").unwrap()),
        images: vec!["https://example.com/1.png".to_owned()],
        attributes: attributes(&[("cloth", "cotton")]),
        variants: vec![Variant {
            id: VariantId::parse("v-1").unwrap(),
            sku: Sku::parse("SKU-1-M").unwrap(),
            name: "M".to_owned(),
            price: money(2_500),
            sale_price: None,
            attributes: attributes(&[("size", "M")]),
        }],
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn category(id: &str) -> Category {
    Category {
        id: CategoryId::parse(id).unwrap(),
        name: "Shirts".to_owned(),
        slug: "shirts".to_owned(),
        description: "All".to_owned(),
        parent_id: Some(CategoryId::parse("cat-0").unwrap()),
        image_url: "i".to_owned(),
        active: true,
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn brand(id: &str) -> Brand {
    Brand {
        id: BrandId::parse(id).unwrap(),
        name: "Brand".to_owned(),
        slug: "brand".to_owned(),
        description: "Good".to_owned(),
        logo_url: "l".to_owned(),
        active: false,
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn tax_rate(country: &str, state: Option<&str>, millionths: u32) -> TaxRate {
    TaxRate {
        country: country.to_owned(),
        state: state.map(str::to_owned),
        rate: Rate(millionths),
    }
}

pub(crate) fn shipping_method(id: &str, position: u32) -> ShippingMethod {
    ShippingMethod {
        id: ShippingMethodId::parse(id).unwrap(),
        name: "Express".to_owned(),
        price: money(1_500),
        free_from: Some(money(10_000)),
        position,
    }
}

pub(crate) fn promotion(of: &str) -> Promotion {
    Promotion {
        code: code(of),
        discount: Discount::Percent(Rate(100_000)),
        minimum_subtotal: Some(money(1_000)),
        valid_from: Some(NOW),
        valid_until: None,
        limit_total: Some(100),
        limit_per_user: Some(1),
    }
}
