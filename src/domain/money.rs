//! Money: whole minor units and a currency. Every operation is checked; nothing is ever rounded
//! here but by a named rule.
#![deny(clippy::arithmetic_side_effects, clippy::as_conversions)]

use serde::{Deserialize, Serialize};
use std::fmt;

/// An ISO 4217 code, three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Why a sum of money cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not three letters.
    #[error("must be an ISO 4217 currency code of three letters")]
    NotACurrency,
    /// Two currencies in one sum.
    #[error("amounts in {0} and {1} cannot be combined")]
    MixedCurrencies(Currency, Currency),
    /// Beyond [`Money::MAX_AMOUNT`] either way.
    #[error("the amount is too large")]
    TooLarge,
}

impl Currency {
    /// US dollars, the demo catalogue's currency.
    pub const USD: Self = Self(*b"USD");

    /// # Errors
    /// [`MoneyError::NotACurrency`] unless it is three letters; small ones are raised.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        match <[u8; 3]>::try_from(text.trim().as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_alphabetic) => {
                Ok(Self(code.map(|letter| letter.to_ascii_uppercase())))
            }
            _ => Err(MoneyError::NotACurrency),
        }
    }

    /// The code, `USD`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// How many decimal places its minor unit stands for (ISO 4217): 2 for most.
    #[must_use]
    pub fn exponent(self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG"
            | b"RWF" | b"UGX" | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            b"CLF" | b"UYW" => 4,
            _ => 2,
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(text: String) -> Result<Self, MoneyError> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount of minor units (cents) in a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; negative only in intermediate results.
    pub amount: i64,
    /// What the units are of.
    pub currency: Currency,
}

impl Money {
    /// The largest amount that the shop deals in: ten million million minor units, so that sums
    /// of a full cart stay far inside `i64`.
    pub const MAX_AMOUNT: i64 = 10_000_000_000_000;

    /// # Errors
    /// [`MoneyError::TooLarge`] beyond [`Self::MAX_AMOUNT`].
    pub fn new(amount: i64, currency: Currency) -> Result<Self, MoneyError> {
        if amount
            .checked_abs()
            .is_some_and(|size| size <= Self::MAX_AMOUNT)
        {
            Ok(Self { amount, currency })
        } else {
            Err(MoneyError::TooLarge)
        }
    }

    /// Nothing, in a currency.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self {
            amount: 0,
            currency,
        }
    }

    /// # Errors
    /// Two currencies, or too large a sum.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let sum = self
            .amount
            .checked_add(other.amount)
            .ok_or(MoneyError::TooLarge)?;
        Self::new(sum, self.currency)
    }

    /// # Errors
    /// Two currencies, or too large a difference.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let rest = self
            .amount
            .checked_sub(other.amount)
            .ok_or(MoneyError::TooLarge)?;
        Self::new(rest, self.currency)
    }

    /// # Errors
    /// Too large a product.
    pub fn times(self, quantity: u32) -> Result<Self, MoneyError> {
        let product = self
            .amount
            .checked_mul(i64::from(quantity))
            .ok_or(MoneyError::TooLarge)?;
        Self::new(product, self.currency)
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::MixedCurrencies(self.currency, other.currency))
        }
    }
}

/// In units of the currency, to its last decimal place: `1087.49 USD`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.currency.exponent();
        let sign = if self.amount < 0 { "-" } else { "" };
        let (amount, unit) = (self.amount.unsigned_abs(), 10_u64.pow(places));
        write!(f, "{sign}{}", amount.div_euclid(unit))?;
        if places > 0 {
            let width = usize::try_from(places).unwrap_or_default();
            write!(f, ".{:0width$}", amount.rem_euclid(unit))?;
        }
        write!(f, " {}", self.currency)
    }
}

/// A share in millionths: 8.75 % is 87,500.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(pub u32);

impl Rate {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The whole.
    pub const WHOLE: Self = Self(1_000_000);

    /// This share of `amount`, halves rounded up. Defined for amounts that are not negative.
    #[must_use]
    pub fn of_half_up(self, amount: i64) -> i64 {
        self.share(amount, 500_000)
    }

    /// This share of `amount`, rounded down. Defined for amounts that are not negative.
    #[must_use]
    pub fn of_down(self, amount: i64) -> i64 {
        self.share(amount, 0)
    }

    fn share(self, amount: i64, round: i128) -> i64 {
        let millionths = i128::from(amount)
            .saturating_mul(i128::from(self.0))
            .saturating_add(round);
        i64::try_from(millionths.div_euclid(1_000_000)).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tax_is_rounded_half_up() {
        assert_eq!(Rate(87_500).of_half_up(99_999), 8_750);
        assert_eq!(Rate(500_000).of_half_up(1), 1);
        assert_eq!(Rate(500_000).of_down(1), 0);
    }

    #[test]
    fn an_amount_is_written_with_the_decimal_places_of_its_currency() {
        let text = |amount, currency| {
            let currency = Currency::parse(currency).unwrap();
            Money { amount, currency }.to_string()
        };
        assert_eq!(text(108_749, "USD"), "1087.49 USD");
        assert_eq!(text(5, "USD"), "0.05 USD");
        assert_eq!(text(0, "EUR"), "0.00 EUR");
        assert_eq!(text(-120, "EUR"), "-1.20 EUR");
        assert_eq!(text(-7, "EUR"), "-0.07 EUR");
        assert_eq!(text(500, "JPY"), "500 JPY");
        assert_eq!(text(1_234, "KWD"), "1.234 KWD");
        assert_eq!(text(1, "CLF"), "0.0001 CLF");
        assert_eq!(text(i64::MIN, "USD"), "-92233720368547758.08 USD");
    }

    #[test]
    fn sums_refuse_mixed_currencies_and_overflow() {
        let eur = Currency::parse("eur").unwrap();
        let one = Money::zero(Currency::USD);
        assert_eq!(
            one.plus(Money::zero(eur)),
            Err(MoneyError::MixedCurrencies(Currency::USD, eur))
        );
        let most = Money::new(Money::MAX_AMOUNT, eur).unwrap();
        assert_eq!(most.plus(most), Err(MoneyError::TooLarge));
        assert_eq!(most.times(u32::MAX), Err(MoneyError::TooLarge));
        assert_eq!(Currency::parse("US"), Err(MoneyError::NotACurrency));
    }
}
