//! How money and instants are written.

use crate::domain::money::{Currency, Money};
use crate::domain::time::Timestamp;
use serde::{Serialize, Serializer};

/// `{"amount":99999,"currency":"USD"}`.
#[derive(Serialize)]
pub(super) struct MoneyView {
    amount: i64,
    #[serde(serialize_with = "code")]
    currency: Currency,
}

impl From<Money> for MoneyView {
    fn from(money: Money) -> Self {
        Self {
            amount: money.amount,
            currency: money.currency,
        }
    }
}

/// A currency's code, without the string that storing it makes.
fn code<S: Serializer>(currency: &Currency, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(currency.as_str())
}

/// RFC 3339 in UTC: `2025-01-18T10:00:00Z`, with milliseconds where there are any.
#[derive(Clone, Copy)]
pub(super) struct Rfc3339(pub(super) Timestamp);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = [0; 24];
        let length = self.write(&mut buffer);
        let text = std::str::from_utf8(&buffer[..length]).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(text)
    }
}

const DAY: i64 = 86_400_000;
/// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z: RFC 3339 knows no other years.
const FIRST: i64 = -62_167_219_200_000;
const LAST: i64 = 253_402_300_799_999;

impl Rfc3339 {
    /// Writes the text and says how long it is.
    fn write(self, buffer: &mut [u8; 24]) -> usize {
        let millis = self.0.0.clamp(FIRST, LAST);
        let (year, month, day) = civil(millis.div_euclid(DAY));
        // Less than a day, which 32 bits hold, and divide faster.
        let of_day = millis.rem_euclid(DAY) as u32;
        let (seconds, fraction) = (of_day / 1_000, of_day % 1_000);
        buffer.copy_from_slice(b"0000-00-00T00:00:00.000Z");
        pair(&mut buffer[0..2], year / 100);
        pair(&mut buffer[2..4], year % 100);
        pair(&mut buffer[5..7], month);
        pair(&mut buffer[8..10], day);
        pair(&mut buffer[11..13], seconds / 3_600);
        pair(&mut buffer[14..16], seconds / 60 % 60);
        pair(&mut buffer[17..19], seconds % 60);
        if fraction == 0 {
            buffer[19] = b'Z';
            return 20;
        }
        pair(&mut buffer[20..22], fraction / 10);
        buffer[22] = b'0' + (fraction % 10) as u8;
        24
    }
}

/// Writes a number of two digits.
fn pair(place: &mut [u8], number: u32) {
    place.copy_from_slice(&[b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
}

/// Year, month and day of the Gregorian calendar, of a day counted from 1970-01-01 in the years 0 to
/// 9999: the year is taken to begin in March, so that the leap day is its last.
fn civil(days: i64) -> (u32, u32, u32) {
    /// The days of 400 years, after which the calendar repeats itself.
    const ERA: u32 = 146_097;
    // From 1 March of the year -400 on.
    let shifted = (days + 719_468 + i64::from(ERA)) as u32;
    let (era, of_era) = (shifted / ERA, shifted % ERA);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + u32::from(month <= 2) - 400;
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339 as WellKnown;

    fn text(millis: i64) -> String {
        let json = serde_json::to_string(&Rfc3339(Timestamp(millis))).unwrap();
        json.trim_matches('"').to_owned()
    }

    #[test]
    fn whole_seconds_have_no_fraction() {
        assert_eq!(text(1_737_194_400_000), "2025-01-18T10:00:00Z");
        assert_eq!(text(1_737_194_400_070), "2025-01-18T10:00:00.070Z");
        assert_eq!(text(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(text(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(text(i64::MIN), "0000-01-01T00:00:00Z");
        assert_eq!(text(i64::MAX), "9999-12-31T23:59:59.999Z");
    }

    proptest! {
        #[test]
        fn agrees_with_the_time_crate(millis in FIRST..=LAST) {
            let ours = OffsetDateTime::parse(&text(millis), &WellKnown).unwrap();
            prop_assert_eq!(ours.unix_timestamp_nanos(), i128::from(millis) * 1_000_000);
        }
    }
}
