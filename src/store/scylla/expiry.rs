//! Rows with an end. The row's own time decides; the server removes it some time later.

use crate::domain::time::{Millis, Timestamp};
use crate::store::Result;
use crate::store::encoding::decode;
use serde::de::DeserializeOwned;

/// How much longer a row lives than it counts: the clocks of nodes and servers differ.
const MARGIN: Millis = Millis::hours(1);
/// The longest that CQL lets a row live, in seconds: 20 years.
const LONGEST: i64 = 20 * 365 * 24 * 3_600;

/// For how long the server keeps a row that counts until `expires_at`, in seconds; never 0, which
/// would be for ever.
pub(super) fn ttl(expires_at: Timestamp, now: Timestamp) -> i32 {
    let seconds = expires_at.since(now).0.max(0).saturating_add(MARGIN.0) / 1_000 + 1;
    i32::try_from(seconds.min(LONGEST)).unwrap_or(i32::MAX)
}

/// A value and when it expires, as stored.
pub(super) type Stored = (Option<Vec<u8>>, Option<i64>);

/// The value of a row, unless it has expired at `now`.
pub(super) fn live<T: DeserializeOwned>(
    (value, expires_at): Stored,
    now: Timestamp,
) -> Result<Option<T>> {
    match value {
        Some(value) if expires_at.is_none_or(|at| Timestamp(at) > now) => decode(&value).map(Some),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_outlives_what_it_counts_and_never_lives_for_ever() {
        let now = Timestamp(5_000);
        assert_eq!(ttl(Timestamp(65_000), now), 3_661);
        assert_eq!(ttl(Timestamp(65_001), now), 3_661);
        assert_eq!(ttl(Timestamp(0), now), 3_601);
        assert_eq!(ttl(Timestamp(i64::MIN), now), 3_601);
        assert_eq!(ttl(Timestamp(i64::MAX), now), 630_720_000);
    }

    #[test]
    fn what_has_expired_is_not_there() {
        let value = || Some(crate::store::encoding::encode(&7_u64));
        let at = |expires_at| live::<u64>((value(), expires_at), Timestamp(100));
        assert_eq!(at(None), Ok(Some(7)));
        assert_eq!(at(Some(101)), Ok(Some(7)));
        assert_eq!(at(Some(100)), Ok(None));
        assert_eq!(live::<u64>((None, None), Timestamp(100)), Ok(None));
    }
}
