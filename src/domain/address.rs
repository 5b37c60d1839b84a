//! Postal addresses, checked and normalised so that none goes untaxed by its spelling. Whether
//! anybody lives there is not asked.

use super::regions;
use serde::{Deserialize, Serialize};

/// An address that passed the checks of [`Address::parse`].
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

/// An address as it was given: anything may be missing or wrong.
#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of `Address`")]
pub struct AddressInput {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company: Option<String>,
    pub address1: Option<String>,
    pub address2: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub postal_code: Option<String>,
    pub country: Option<String>,
    pub phone_number: Option<String>,
}

/// What of an address taxes depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// As in [`Address`].
    pub country: String,
    /// As in [`Address`].
    pub state: String,
}

/// A field that keeps an address from being one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct InvalidAddress {
    /// Where it is, `shipping_address.country`.
    pub field: String,
    /// What it must be.
    pub problem: AddressProblem,
}

/// What is wrong with a field of an address, said as what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressProblem {
    /// Absent, or nothing but white space.
    #[error("is required")]
    Required,
    /// Longer than this many characters.
    #[error("must be at most {0} characters")]
    TooLong(usize),
    /// Holds a control character.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// No officially assigned code.
    #[error("must be an ISO 3166-1 alpha-2 country code")]
    UnknownCountry,
    /// No state of the country, which has states.
    #[error("must be a state of the country: its ISO 3166-2 code or its English name")]
    UnknownState,
}

impl Address {
    /// The longest name, company, line or city, in characters.
    pub const MAX_LINE: usize = 200;
    /// The longest state where it is free text, in characters.
    pub const MAX_STATE: usize = 100;
    /// The longest postal code, in characters.
    pub const MAX_POSTAL_CODE: usize = 20;
    /// The longest phone number, in characters.
    pub const MAX_PHONE: usize = 40;

    /// The address that `input` spells, every field trimmed; `path` is where it stands in the
    /// request, for the error.
    ///
    /// # Errors
    /// [`InvalidAddress`] names a field that is wrong and what it must be.
    pub fn parse(input: AddressInput, path: &str) -> Result<Self, InvalidAddress> {
        let complete = true;
        Form { path, complete }.read(input)
    }

    /// Where it is.
    #[must_use]
    pub fn destination(&self) -> Destination {
        Destination {
            country: self.country.clone(),
            state: self.state.clone(),
        }
    }
}

impl Destination {
    /// Where an address is of which anything may still be missing; `None` where its country is, or
    /// its state in a country that needs one.
    ///
    /// # Errors
    /// As [`Address::parse`], but for what is missing.
    pub fn parse(input: AddressInput, path: &str) -> Result<Option<Self>, InvalidAddress> {
        let complete = false;
        let Address { country, state, .. } = Form { path, complete }.read(input)?;
        let unknown = country.is_empty() || (state.is_empty() && regions::has_states(&country));
        Ok((!unknown).then_some(Self { country, state }))
    }
}

/// Reads the fields of one address of a request.
struct Form<'a> {
    path: &'a str,
    /// Whether what an address needs has to be there.
    complete: bool,
}

impl Form<'_> {
    fn read(&self, input: AddressInput) -> Result<Address, InvalidAddress> {
        let (line, postal_code) = (Address::MAX_LINE, Address::MAX_POSTAL_CODE);
        let country = self.country(input.country)?;
        Ok(Address {
            first_name: self.required("first_name", input.first_name, line)?,
            last_name: self.required("last_name", input.last_name, line)?,
            company: self.optional("company", input.company, line)?,
            address1: self.required("address1", input.address1, line)?,
            address2: self.optional("address2", input.address2, line)?,
            city: self.required("city", input.city, line)?,
            state: self.state(input.state, &country)?,
            postal_code: self.required("postal_code", input.postal_code, postal_code)?,
            phone_number: self.optional("phone_number", input.phone_number, Address::MAX_PHONE)?,
            country,
        })
    }

    fn required(
        &self,
        name: &str,
        value: Option<String>,
        max: usize,
    ) -> Result<String, InvalidAddress> {
        let text = self.optional(name, value, max)?;
        if text.is_empty() && self.complete {
            return Err(self.refusal(name, AddressProblem::Required));
        }
        Ok(text)
    }

    fn optional(
        &self,
        name: &str,
        value: Option<String>,
        max: usize,
    ) -> Result<String, InvalidAddress> {
        let value = value.unwrap_or_default();
        let text = value.trim();
        if text.chars().count() > max {
            Err(self.refusal(name, AddressProblem::TooLong(max)))
        } else if text.chars().any(char::is_control) {
            Err(self.refusal(name, AddressProblem::ControlCharacter))
        } else {
            Ok(text.to_owned())
        }
    }

    fn country(&self, value: Option<String>) -> Result<String, InvalidAddress> {
        let code = self.required("country", capitals(value), Address::MAX_LINE)?;
        if code.is_empty() || regions::is_country(&code) {
            Ok(code)
        } else {
            Err(self.refusal("country", AddressProblem::UnknownCountry))
        }
    }

    fn state(&self, value: Option<String>, country: &str) -> Result<String, InvalidAddress> {
        let value = capitals(value);
        if !regions::has_states(country) {
            return self.optional("state", value, Address::MAX_STATE);
        }
        let text = self.required("state", value, Address::MAX_STATE)?;
        if text.is_empty() {
            return Ok(text);
        }
        regions::state_code(country, &text)
            .map(str::to_owned)
            .ok_or_else(|| self.refusal("state", AddressProblem::UnknownState))
    }

    fn refusal(&self, name: &str, problem: AddressProblem) -> InvalidAddress {
        let field = format!("{}.{name}", self.path);
        InvalidAddress { field, problem }
    }
}

fn capitals(value: Option<String>) -> Option<String> {
    value.map(|text| text.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn with(changes: Value) -> Result<Address, InvalidAddress> {
        let mut body = json!({
            "first_name": "John", "last_name": "Doe", "company": "Tech Corp",
            "address1": "123 Main St", "address2": "Apt 4B", "city": "New York", "state": "NY",
            "postal_code": "10001", "country": "US", "phone_number": "555-0100",
        });
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        Address::parse(serde_json::from_value(body).unwrap(), "shipping_address")
    }

    fn refusal(changes: Value) -> String {
        with(changes).unwrap_err().to_string()
    }

    #[test]
    fn an_address_is_shown_as_it_was_given() {
        let address = with(json!({ "user_id": "ignored" })).unwrap();
        insta::assert_snapshot!(serde_json::to_string(&address).unwrap(), @r#"{"first_name":"John","last_name":"Doe","company":"Tech Corp","address1":"123 Main St","address2":"Apt 4B","city":"New York","state":"NY","postal_code":"10001","country":"US","phone_number":"555-0100"}"#);
    }

    #[test]
    fn optional_fields_may_be_absent_null_or_blank() {
        let changes = json!({
            "company": null, "address2": "  ", "phone_number": null, "country": "de", "state": null,
        });
        let address = with(changes).unwrap();
        assert_eq!(
            (address.company, address.address2),
            (String::new(), String::new())
        );
        assert_eq!(
            (address.state.as_str(), address.country.as_str()),
            ("", "DE")
        );
        assert!(serde_json::from_str::<AddressInput>("{}").is_ok());
    }

    #[test]
    fn every_required_field_is_named_when_it_is_missing() {
        for name in [
            "first_name",
            "last_name",
            "address1",
            "city",
            "postal_code",
            "country",
            "state",
        ] {
            for missing in [json!(null), json!(""), json!(" \t\n ")] {
                let message = refusal(json!({ name: missing }));
                assert_eq!(message, format!("shipping_address.{name} is required"));
            }
        }
    }

    #[test]
    fn every_spelling_of_a_state_gives_its_code() {
        for (country, spelling, code) in [
            ("US", " new york ", "NY"),
            ("us", "ny", "NY"),
            (" uS ", "US-NY", "NY"),
            ("US", "us-ny", "NY"),
            ("US", "District of Columbia", "DC"),
            ("CA", "quebec", "QC"),
            ("CA", "ca-on", "ON"),
            ("AU", "Western Australia", "WA"),
            ("AU", "nsw", "NSW"),
            ("GB", " Greater London", "GREATER LONDON"),
        ] {
            let address = with(json!({ "country": country, "state": spelling })).unwrap();
            assert_eq!(address.state, code, "{spelling}");
        }
    }

    #[test]
    fn unknown_countries_and_states_are_refused() {
        insta::assert_snapshot!(refusal(json!({ "country": "USA" })), @"shipping_address.country must be an ISO 3166-1 alpha-2 country code");
        insta::assert_snapshot!(refusal(json!({ "state": "Ontario" })), @"shipping_address.state must be a state of the country: its ISO 3166-2 code or its English name");
        for (country, state) in [("US", "N.Y."), ("US", "CA-NY"), ("CA", "NY"), ("AU", "ON")] {
            let error = with(json!({ "country": country, "state": state })).unwrap_err();
            assert_eq!(
                error.problem,
                AddressProblem::UnknownState,
                "{country} {state}"
            );
        }
    }

    #[test]
    fn texts_are_bounded_after_trimming_and_hold_no_control_characters() {
        for (name, max) in [
            ("first_name", 200),
            ("last_name", 200),
            ("company", 200),
            ("address1", 200),
            ("address2", 200),
            ("city", 200),
            ("postal_code", 20),
            ("phone_number", 40),
        ] {
            assert!(with(json!({ name: format!(" {} ", "é".repeat(max)) })).is_ok());
            let problem = |text: &str| with(json!({ name: text })).unwrap_err();
            let long = problem(&"é".repeat(max + 1));
            assert_eq!(long.problem, AddressProblem::TooLong(max));
            assert_eq!(long.field, format!("shipping_address.{name}"));
            assert_eq!(problem("a\u{0}b").problem, AddressProblem::ControlCharacter);
        }
        let state = |text: String| with(json!({ "country": "DE", "state": text }));
        assert_eq!(state("ß".repeat(50)).unwrap().state, "SS".repeat(50));
        assert_eq!(
            state("ß".repeat(51)).unwrap_err().problem,
            AddressProblem::TooLong(100)
        );
    }

    #[test]
    fn a_destination_needs_no_more_than_a_country_and_its_state() {
        let parse = |body: Value| {
            let input = serde_json::from_value(body).unwrap();
            Destination::parse(input, "shipping_address")
        };
        let found = |body| {
            let found = parse(body).unwrap();
            found.map(|found| format!("{} {}", found.country, found.state))
        };
        let us = json!({ "country": "us", "state": " new york" });
        assert_eq!(found(us).as_deref(), Some("US NY"));
        assert_eq!(found(json!({ "country": "DE" })).as_deref(), Some("DE "));
        for unknown in [
            json!({}),
            json!({ "city": "Berlin" }),
            json!({ "state": "NY" }),
            json!({ "country": "AU", "state": " " }),
        ] {
            assert_eq!(found(unknown.clone()), None, "{unknown}");
        }
        for (wrong, message) in [
            (
                json!({ "country": "XX" }),
                "shipping_address.country must be an ISO 3166-1 alpha-2 country code",
            ),
            (
                json!({ "country": "CA", "state": "NY" }),
                "shipping_address.state must be a state of the country: its ISO 3166-2 code or its English name",
            ),
            (
                json!({ "postal_code": "x".repeat(21) }),
                "shipping_address.postal_code must be at most 20 characters",
            ),
        ] {
            assert_eq!(parse(wrong).unwrap_err().to_string(), message);
        }
        let whole = with(json!({})).unwrap().destination();
        assert_eq!((&*whole.country, &*whole.state), ("US", "NY"));
    }

    proptest! {
        #[test]
        fn what_was_parsed_parses_to_itself(
            country in "[ a-zA-Z]{2,3}|US|CA|AU|DE",
            state in "\\PC{0,12}|ny|us-ca|ON|nsw",
            city in "\\PC{0,20}",
        ) {
            let changes = json!({ "country": country, "state": state, "city": city });
            if let Ok(once) = with(changes) {
                let twice = with(serde_json::to_value(&once).unwrap());
                prop_assert_eq!(twice, Ok(once));
            }
        }
    }
}
