//! How often a client may ask: a rate for each class of requests, and how it is written.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// The largest count, and the largest burst.
const MAX: u32 = 1_000_000;

/// So many requests in a period, evenly, of which some may come at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many requests a period allows; at most a million.
    pub count: NonZeroU32,
    /// The period.
    pub period: Period,
    /// How many may come at once after a pause; at most a million.
    pub burst: NonZeroU32,
}

/// What a rate counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

impl Period {
    fn symbol(self) -> char {
        match self {
            Self::Second => 's',
            Self::Minute => 'm',
            Self::Hour => 'h',
        }
    }
}

/// The rate of each class of requests. Each client has its own count in each class.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Registrations and logins of an address.
    pub credentials: Rate,
    /// Refreshes of an address.
    pub refresh: Rate,
    /// Other requests of an address that name no user, and those with a token that is not valid.
    pub anonymous: Rate,
    /// Requests of a user, from wherever they come.
    pub user: Rate,
}

impl Default for RateLimits {
    /// A person and an office behind one address go unhindered, a guesser of passwords does not.
    fn default() -> Self {
        const {
            Self {
                credentials: Rate::new(30, Period::Minute, 60),
                refresh: Rate::new(120, Period::Minute, 240),
                anonymous: Rate::new(100, Period::Second, 200),
                user: Rate::new(50, Period::Second, 100),
            }
        }
    }
}

impl Rate {
    /// The numbers are the source's own: evaluated when it is compiled.
    const fn new(count: u32, period: Period, burst: u32) -> Self {
        let (Some(count), Some(burst)) = (NonZeroU32::new(count), NonZeroU32::new(burst)) else {
            panic!("a rate has neither a count nor a burst of 0")
        };
        Self {
            count,
            period,
            burst,
        }
    }
}

impl RateLimits {
    fn named(&mut self, class: &str) -> Option<&mut Rate> {
        match class {
            "credentials" => Some(&mut self.credentials),
            "refresh" => Some(&mut self.refresh),
            "anonymous" => Some(&mut self.anonymous),
            "user" => Some(&mut self.user),
            _ => None,
        }
    }
}

/// Whether requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimit {
    /// Nobody is limited.
    Off,
    /// These are the limits.
    On(RateLimits),
}

/// Why a text is no setting of the rate limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRateLimit {
    /// Neither a word that is known nor a list.
    #[error("must be `on`, `off`, or limits such as `credentials=30/m:60,user=50/s`, not `{0}`")]
    Form(String),
    /// There is no such class.
    #[error("`{0}` is not one of `credentials`, `refresh`, `anonymous` and `user`")]
    Class(String),
    /// A class is named twice.
    #[error("`{0}` is given twice")]
    Twice(String),
    /// Not a rate.
    #[error(
        "the limit of `{class}` must be a count, `/s`, `/m` or `/h`, and perhaps `:` and a burst, \
         each number from 1 to {MAX} (`100/s:200`), not `{given}`"
    )]
    Rate {
        /// Whose it is.
        class: String,
        /// What was given.
        given: String,
    },
}

impl FromStr for RateLimit {
    type Err = InvalidRateLimit;

    /// Classes that are not named keep their defaults.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self::On(RateLimits::default())),
            "off" => Ok(Self::Off),
            list => limits(list).map(Self::On),
        }
    }
}

fn limits(list: &str) -> Result<RateLimits, InvalidRateLimit> {
    let mut limits = RateLimits::default();
    let mut seen = Vec::new();
    for item in list.split(',').map(str::trim) {
        let (class, given) = item
            .split_once('=')
            .ok_or_else(|| InvalidRateLimit::Form(item.to_owned()))?;
        let rate = limits
            .named(class)
            .ok_or_else(|| InvalidRateLimit::Class(class.to_owned()))?;
        if seen.contains(&class) {
            return Err(InvalidRateLimit::Twice(class.to_owned()));
        }
        seen.push(class);
        *rate = parse_rate(given).ok_or_else(|| InvalidRateLimit::Rate {
            class: class.to_owned(),
            given: given.to_owned(),
        })?;
    }
    Ok(limits)
}

/// A rate; without a burst, as many may come at once as the period allows.
fn parse_rate(text: &str) -> Option<Rate> {
    let (rate, burst) = match text.split_once(':') {
        Some((rate, burst)) => (rate, Some(number(burst)?)),
        None => (text, None),
    };
    let (count, period) = rate.split_once('/')?;
    let count = number(count)?;
    let period = match period {
        "s" => Period::Second,
        "m" => Period::Minute,
        "h" => Period::Hour,
        _ => return None,
    };
    Some(Rate {
        count,
        period,
        burst: burst.unwrap_or(count),
    })
}

fn number(text: &str) -> Option<NonZeroU32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number: NonZeroU32 = text.parse().ok()?;
    (digits && number.get() <= MAX).then_some(number)
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            count,
            period,
            burst,
        } = self;
        write!(f, "{count}/{}:{burst}", period.symbol())
    }
}

impl fmt::Display for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            credentials,
            refresh,
            anonymous,
            user,
        } = self;
        write!(
            f,
            "credentials={credentials},refresh={refresh},anonymous={anonymous},user={user}"
        )
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        match text.parse() {
            Ok(RateLimit::Off) => "off".to_owned(),
            Ok(RateLimit::On(limits)) => limits.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_not_named_keeps_its_default() {
        insta::assert_snapshot!(
            parsed("on"),
            @"credentials=30/m:60,refresh=120/m:240,anonymous=100/s:200,user=50/s:100"
        );
        insta::assert_snapshot!(
            parsed("user=5/s, credentials=1000000/h:1"),
            @"credentials=1000000/h:1,refresh=120/m:240,anonymous=100/s:200,user=5/s:5"
        );
        assert_eq!(parsed("off"), "off");
        assert_eq!(parsed(&parsed("refresh=7/m")), parsed("refresh=7/m"));
    }

    #[test]
    fn what_is_no_limit_is_told() {
        for text in ["", "On", "yes", "user", "user=5/s,", "10/s"] {
            assert!(parsed(text).starts_with("must be `on`, `off`"), "{text}");
        }
        for text in ["users=5/s", "=5/s", "User=5/s", "user =5/s"] {
            assert!(parsed(text).contains("is not one of"), "{text}");
        }
        assert_eq!(
            parsed("user=1/s,user=1/s"),
            "`user` is given twice".to_owned()
        );
        for rate in [
            "",
            "5",
            "5/",
            "/s",
            "5/d",
            "5/s:",
            "5/s:0",
            "0/s",
            "+5/s",
            "5/s:+5",
            "-1/s",
            "1.5/s",
            "1000001/s",
            "5/s:1000001",
            "5/s:5:5",
            "5/s/s",
            " 5/s",
            "99999999999/s",
        ] {
            let said = parsed(&format!("refresh={rate}"));
            assert!(
                said.starts_with("the limit of `refresh` must"),
                "{rate}: {said}"
            );
        }
    }
}
