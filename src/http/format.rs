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
        let of_day = millis.rem_euclid(DAY);
        let (seconds, fraction) = (of_day / 1_000, of_day % 1_000);
        buffer[..20].copy_from_slice(b"0000-00-00T00:00:00Z");
        digits(&mut buffer[0..4], year);
        digits(&mut buffer[5..7], month);
        digits(&mut buffer[8..10], day);
        digits(&mut buffer[11..13], seconds / 3_600);
        digits(&mut buffer[14..16], seconds / 60 % 60);
        digits(&mut buffer[17..19], seconds % 60);
        if fraction == 0 {
            return 20;
        }
        buffer[19..].copy_from_slice(b".000Z");
        digits(&mut buffer[20..23], fraction);
        24
    }
}

/// Writes a number, right-aligned over the zeros that are there.
fn digits(place: &mut [u8], mut number: i64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Year, month and day of the Gregorian calendar, of a day counted from 1970-01-01: the year is
/// taken to begin in March, so that the leap day is its last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
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
