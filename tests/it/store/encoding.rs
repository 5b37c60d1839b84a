//! The bytes of every stored type, held fast.

use super::samples::*;
use cartwright::domain::account::KeyUse;
use cartwright::domain::cart::Cart;
use cartwright::domain::identity::PendingLogin;
use cartwright::domain::shop::Discount;
use cartwright::domain::stock::{Hold, HoldState, StockLevel};
use cartwright::store::encoding::{cart_bytes, decode, encode};
use cartwright::store::{CatalogRow, Error};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt::Debug;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Today's bytes of the value, once they were seen to mean it.
fn bytes_of<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> String {
    let bytes = encode(value);
    assert_eq!(decode::<T>(&bytes).as_ref(), Ok(value));
    hex(&bytes)
}

/// What a change of these types must not change unnoticed: stored bytes outlive versions.
macro_rules! golden {
    ($($name:ident: $sample:expr => $bytes:expr;)*) => {$(
        #[test]
        fn $name() {
            assert_eq!(bytes_of(&$sample), $bytes);
        }
    )*};
}

golden! {
    accounts: account() =>
        "0110010203040506470880000000000000010f616e6e406578616d706c652e636f6d03416e6e02c3\
         850180a0abfef9620182a0abfef96202100102030405064708800000000000000210010203040506\
         47088000000000000003ac0201100102030405064708800000000000000484a0abfef96205ababab\
         ababababababababababababababababababababababababababababab86a0abfef9620701065341\
         564531300201bcd23903";
    carts: cart() =>
        "01090110010203040506470880000000000000050670726f642d310103762d3105534b552d310553\
         686972749e1f0355534402010473697a65014d0180a0abfef96288a0abfef962";
    orders: order(user_id(1), 3) =>
        "01100102030405064708800000000001000310010203040506470880000000000000010300011001\
         0203040506470880000000000000050670726f642d310005534b552d31055368697274010473697a\
         65014d02d00f03555344900303555344bc0203555344cc1e0355534403416e6e02c385000931204d\
         61696e20537400084e657720596f726b024e59053130303031025553013103416e6e02c385000931\
         204d61696e20537400084e657720596f726b024e59053130303031025553013104706d5f31010653\
         41564531300d736869705f7374616e64617264a01f03555344900303555344bc0203555344000355\
         5344cc1e035553440a72696e6720747769636580a0abfef96280a0abfef962";
    key_uses: key_use(NOW) =>
        "01cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd80a0abfef96201\
         1001020304050647088000000000010001";
    claims: claim() =>
        "0110010203040506470880000000000000010010246172676f6e32696424763d313924780f616e6e\
         406578616d706c652e636f6d03416e6e02c3850180a0abfef9620110010203040506470880000000\
         00000002";
    issued_claims: issued_claim() =>
        "011001020304050647088000000000000001011668747470733a2f2f6973737565722e6578616d70\
         6c6504323438320f616e6e406578616d706c652e636f6d03416e6e02c3850180a0abfef962011001\
         020304050647088000000000000002";
    logins: Some(pending_login()) => "0101026e6f0376657280a0abfef962";
    taken_logins: None::<PendingLogin> => "0100";
    administrators: BTreeSet::from([user_id(1), user_id(2)]) =>
        "010210010203040506470880000000000000011001020304050647088000000000000002";
    role_books: role_book() =>
        "01011001020304050647088000000000000002100102030405064708800000000000000206706163\
         6b6572055061636b7300011001020304050647088000000000000006011001020304050647088000\
         00000000000610010203040506470880000000000000060b7061636b5f6f7264657273066f726465\
         7273047061636b075061636b696e67";
    stock_levels: StockLevel { received: 300, available: 200, held: 60, sold: 40 } => "01ac02c8013c28";
    held: Hold { quantity: 2, state: HoldState::Held } => "010200";
    sold: Hold { quantity: 200, state: HoldState::Sold } => "01c80101";
    released: Hold { quantity: 0, state: HoldState::Released } => "010002";
    attempts: attempt(order_id(1), user_id(1), NOW) =>
        "011001020304050647088000000000010001100102030405064708800000000000000180a0abfef9\
         62e0f4aefef962020005534b552d3102010653415645313001";
    products: product("prod-1") =>
        "010670726f642d3105534b552d3105536869727404536f6674882703555344019e1f035553440001\
         076272616e642d3101056361742d31011968747470733a2f2f6578616d706c652e636f6d2f312e70\
         6e670105636c6f746806636f74746f6e0103762d3107534b552d312d4d014d882703555344000104\
         73697a65014d80a0abfef96280a0abfef962";
    categories: category("cat-1") =>
        "01056361742d31065368697274730673686972747303416c6c01056361742d3001690180a0abfef9\
         6280a0abfef962";
    brands: brand("brand-1") =>
        "01076272616e642d31054272616e64056272616e6404476f6f64016c0080a0abfef96280a0abfef9\
         62";
    tax_rates: tax_rate("US", Some("NY"), 87_500) => "0102555301024e59ccab05";
    shipping_methods: shipping_method("ship_express", 1) =>
        "010c736869705f657870726573730745787072657373b8170355534401a09c010355534401";
    promotions: promotion("SAVE10") =>
        "010653415645313000a08d0601d00f035553440180a0abfef9620001640101";
    fixed_discounts: Discount::Fixed(money(500)) => "0101e80703555344";
    currencies: money(1).currency => "0103555344";
    users: user_id(1) => "011001020304050647088000000000000001";
    logged_products: CatalogRow::Product(Box::new(product("prod-1"))).key() => "01030670726f642d31";
    logged_tax_rates: CatalogRow::TaxRate(tax_rate("US", Some("NY"), 1)).key() =>
        "010402555301024e59";
    logged_currencies: CatalogRow::Currency(money(1).currency).key() => "0100";
    numbers: (300_u64, -300_i64) => "01ac02d704";
}

#[test]
fn what_cannot_be_understood_is_told() {
    let good = encode(&key_use(NOW));
    let mut newer = good.clone();
    newer[0] = 2;
    let mut longer = good.clone();
    longer.push(0);
    let damage = |bytes: &[u8]| match decode::<KeyUse>(bytes) {
        Err(Error::Corrupt(cause)) => cause,
        other => panic!("{other:?}"),
    };
    insta::assert_snapshot!(damage(&newer), @"format 2 is unknown; this version reads format 1");
    insta::assert_snapshot!(damage(&[]), @"an empty value");
    insta::assert_snapshot!(
        damage(&longer),
        @"1 bytes too many after a cartwright::domain::account::KeyUse"
    );
    for length in 1..good.len() {
        assert!(damage(&good[..length]).starts_with("not a "));
    }
}

#[test]
fn a_carts_size_is_that_of_its_bytes() {
    for cart in [cart(), Cart::default()] {
        assert_eq!(cart_bytes(&cart), encode(&cart).len());
    }
}
