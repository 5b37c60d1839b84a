//! Decimal text to whole units, exactly.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::float_arithmetic
)]

use crate::domain::money::{Currency, Money, Rate};

/// Why a text is not such a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::import) enum DecimalError {
    #[error("must be a decimal number such as 49.99")]
    NotDecimal,
    #[error("must not be negative")]
    Negative,
    #[error("must have at most {0} decimal places")]
    TooPrecise(u32),
    #[error("is too large")]
    TooLarge,
    #[error("must be a percentage from 0 to 100")]
    NotAShare,
}

/// A price, `49.99`.
pub(in crate::import) fn amount(text: &str, currency: Currency) -> Result<Money, DecimalError> {
    let units = units(text, currency.exponent())?;
    Money::new(units, currency).map_err(|_| DecimalError::TooLarge)
}

/// A percentage, `8.75`.
pub(in crate::import) fn percent(text: &str) -> Result<Rate, DecimalError> {
    // A millionth is a ten-thousandth of a per cent.
    let millionths = units(text, 4)?;
    u32::try_from(millionths)
        .map(Rate)
        .ok()
        .filter(|rate| *rate <= Rate::WHOLE)
        .ok_or(DecimalError::NotAShare)
}

/// The number in units of 10^-`places`. Zeros beyond those places are harmless.
fn units(text: &str, places: u32) -> Result<i64, DecimalError> {
    let text = text.trim();
    if let Some(size) = text.strip_prefix('-') {
        return Err(units(size, places).err().unwrap_or(DecimalError::Negative));
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) {
        return Err(DecimalError::NotDecimal);
    }
    let decimals = decimals.trim_end_matches('0');
    let spare = u32::try_from(decimals.len())
        .ok()
        .and_then(|given| places.checked_sub(given))
        .ok_or(DecimalError::TooPrecise(places))?;
    let mut units: i64 = 0;
    for digit in whole.bytes().chain(decimals.bytes()) {
        units = units
            .checked_mul(10)
            .and_then(|units| units.checked_add(i64::from(digit.wrapping_sub(b'0'))))
            .ok_or(DecimalError::TooLarge)?;
    }
    10i64
        .checked_pow(spare)
        .and_then(|scale| units.checked_mul(scale))
        .ok_or(DecimalError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prices_have_the_decimals_of_their_currency() {
        let cents = |text| amount(text, Currency::USD).map(|money| money.amount);
        assert_eq!(cents("50"), Ok(5_000));
        assert_eq!(cents(" 49.99 "), Ok(4_999));
        assert_eq!(cents("0.5"), Ok(50));
        assert_eq!(cents("50.000"), Ok(5_000));
        assert_eq!(cents("49.999"), Err(DecimalError::TooPrecise(2)));
        assert_eq!(cents("-1.00"), Err(DecimalError::Negative));
        assert_eq!(cents("100000000000.01"), Err(DecimalError::TooLarge));
        assert_eq!(cents("99999999999999999999"), Err(DecimalError::TooLarge));
        for bad in [
            "", ".", "1.", ".5", "1,50", "$5", "1e3", "+1", "-", "١", "1.2.3",
        ] {
            assert_eq!(cents(bad), Err(DecimalError::NotDecimal), "{bad}");
        }
        let yen = Currency::parse("JPY").unwrap();
        assert_eq!(amount("500", yen).unwrap().amount, 500);
        assert_eq!(amount("500.00", yen).unwrap().amount, 500);
        assert_eq!(amount("500.5", yen), Err(DecimalError::TooPrecise(0)));
        let dinar = Currency::parse("KWD").unwrap();
        assert_eq!(amount("1.005", dinar).unwrap().amount, 1_005);
    }

    #[test]
    fn percentages_are_shares_in_millionths() {
        assert_eq!(percent("8.75"), Ok(Rate(87_500)));
        assert_eq!(percent("100"), Ok(Rate::WHOLE));
        assert_eq!(percent("100.0001"), Err(DecimalError::NotAShare));
        assert_eq!(percent("0.00001"), Err(DecimalError::TooPrecise(4)));
    }

    proptest! {
        #[test]
        fn written_prices_are_read_back(units in 0..=Money::MAX_AMOUNT) {
            let text = format!("{}.{:02}", units / 100, units % 100);
            prop_assert_eq!(amount(&text, Currency::USD).unwrap().amount, units);
        }
    }
}
