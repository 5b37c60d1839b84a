//! Postal addresses, checked and normalised so that none goes untaxed by its spelling.

use serde::{Deserialize, Serialize};

/// An address that passed the checks of `Address::parse`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Required.
    pub first_name: String,
    /// Required.
    pub last_name: String,
    /// May be empty.
    pub company: String,
    /// Required.
    pub address1: String,
    /// May be empty.
    pub address2: String,
    /// Required.
    pub city: String,
    /// The state's code for US, CA and AU; free text, in capitals, elsewhere.
    pub state: String,
    /// Required.
    pub postal_code: String,
    /// ISO 3166-1 alpha-2, in capitals.
    pub country: String,
    /// May be empty.
    pub phone_number: String,
}
