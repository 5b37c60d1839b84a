//! Where traces are sent, and of how many requests.

use super::settings::InvalidSettings;
use super::values::origin;
use clap::Args;
use std::fmt;
use std::str::FromStr;

/// Whether requests are traced, as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct TraceArgs {
    /// Collector that gets traces, by OTLP over gRPC: `http://host:4317`, or https. Without it
    /// nothing is traced
    #[arg(long, env = "CARTWRIGHT_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,

    /// Share of the requests that are traced: from 0 to 1
    #[arg(
        id = "trace_sample",
        long = "trace-sample",
        env = "CARTWRIGHT_TRACE_SAMPLE",
        value_name = "SHARE",
        default_value = "0.01"
    )]
    pub sample: Share,
}

/// How requests are traced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceSettings {
    /// The collector: scheme, host and port.
    pub endpoint: String,
    /// Of how many requests.
    pub sample: Share,
}

impl TraceArgs {
    /// An empty endpoint is none.
    pub(super) fn settings(self) -> Result<Option<TraceSettings>, InvalidSettings> {
        let endpoint = self.otlp_endpoint.unwrap_or_default();
        if endpoint.trim().is_empty() {
            return Ok(None);
        }
        let endpoint = origin(endpoint.trim()).ok_or(InvalidSettings::OtlpEndpoint)?;
        let sample = self.sample;
        Ok(Some(TraceSettings { endpoint, sample }))
    }
}

/// A part of a whole, to the millionth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Share {
    millionths: u32,
}

impl Share {
    /// All.
    pub const ALL: Self = Self {
        millionths: 1_000_000,
    };
    /// None.
    pub const NONE: Self = Self { millionths: 0 };

    /// Whether something belongs to it, told by a number that was drawn for it evenly: of many,
    /// as many as the share says.
    #[must_use]
    pub const fn has(self, drawn: u32) -> bool {
        drawn % Self::ALL.millionths < self.millionths
    }
}

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = "must be a number from 0 to 1 with at most six decimals, such as `0.01`";
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
        if !["0", "1"].contains(&whole) || decimals.len() > 6 || !is_number(decimals) {
            return Err(refused);
        }
        let millionths = format!("{whole}{decimals:0<6}").parse();
        match millionths {
            Ok(millionths) if millionths <= Self::ALL.millionths => Ok(Self { millionths }),
            _ => Err(refused),
        }
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/1000000", self.millionths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_decimal_number_up_to_one() {
        for (text, millionths) in [
            ("0", 0),
            ("1", 1_000_000),
            ("1.0", 1_000_000),
            ("0.01", 10_000),
            ("0.000001", 1),
            ("0.", 0),
        ] {
            assert_eq!(text.parse(), Ok(Share { millionths }), "{text}");
        }
        for text in [
            "",
            ".5",
            "-0",
            "2",
            "1.000001",
            "0.0000001",
            "NaN",
            "1e-2",
            "0,1",
            "0.+1",
        ] {
            let refused = text.parse::<Share>().unwrap_err();
            assert!(refused.starts_with("must be a number"), "{text}");
        }
    }

    #[test]
    fn a_share_has_as_many_as_it_says() {
        let tenth: Share = "0.1".parse().unwrap();
        let count = |share: Share| (0..1_000_000).filter(|drawn| share.has(*drawn)).count();
        assert_eq!(count(tenth), 100_000);
        assert_eq!((count(Share::ALL), count(Share::NONE)), (1_000_000, 0));
        assert!(Share::ALL.has(u32::MAX) && !Share::NONE.has(u32::MAX));
    }
}
