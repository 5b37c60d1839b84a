//! An order for tests.

use super::Checkout;
use crate::domain::address::{Address, AddressInput};

/// What is asked for, sent to this country and state; a state is `""` where there is none.
pub(crate) fn checkout(country: &str, state: &str) -> Checkout {
    let text = |text: &str| Some(text.to_owned());
    let input = AddressInput {
        first_name: text("Ann"),
        last_name: text("Lee"),
        address1: text("1 Main Street"),
        city: text("New York"),
        state: text(state),
        postal_code: text("10001"),
        country: text(country),
        ..AddressInput::default()
    };
    Checkout {
        shipping_address: Address::parse(input, "shipping_address").unwrap(),
        billing_address: None,
        payment_method_id: "pm_1".to_owned(),
        promotion_codes: Vec::new(),
        shipping_method_id: None,
        notes: String::new(),
        expected_total: None,
    }
}
