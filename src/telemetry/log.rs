//! The log: which lines there are, and what they look like.

use super::TelemetryError;
use super::base::with_lines;
use super::traces::{INNER, TRACED};
use crate::config::LogFormat;
use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::registry::LookupSpan;

/// What `filter` lets through; with traces also the spans that they are made of.
///
/// # Errors
/// A filter that is none.
pub(super) fn wanted(filter: &str, with_traces: bool) -> Result<Targets, TelemetryError> {
    let filter = parse(filter)?;
    Ok(match with_traces {
        true => filter.with_targets([(TRACED, LevelFilter::ERROR), (INNER, LevelFilter::ERROR)]),
        false => filter.with_target(INNER, LevelFilter::OFF),
    })
}

/// A lone word that is no level would name a target and silence everything else: a typing error.
fn parse(text: &str) -> Result<Targets, TelemetryError> {
    let refused = || TelemetryError::InvalidFilter(text.to_owned());
    let is_word = text.chars().all(|c| c.is_alphanumeric() || c == '_');
    if text.is_empty() || (is_word && text.parse::<LevelFilter>().is_err()) {
        return Err(refused());
    }
    text.parse().map_err(|_| refused())
}

/// Writes what is `wanted` of what comes from `below`.
pub(super) fn written<S, W>(
    below: S,
    wanted: Targets,
    format: LogFormat,
    ansi: bool,
    writer: W,
) -> Box<dyn Subscriber + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync + 'static,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(ansi);
    match format {
        LogFormat::Text => with_lines(below, lines, wanted),
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true);
            let lines = lines.with_current_span(false).with_span_list(true);
            with_lines(below, lines, wanted)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::subscriber;
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, format: LogFormat) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = subscriber(filter, format, None, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(log, || {
            let _request = tracing::info_span!("request", request_id = "r-1").entered();
            let _inner = tracing::info_span!("commit").entered();
            tracing::debug!("quiet");
            tracing::info!(
                event = "store.commit.unknown",
                elapsed_ms = 3,
                "not known yet"
            );
        });
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_filter_is_levels_and_targets() {
        for good in [
            "info",
            "WARN",
            "off",
            "info,cartwright::store=trace",
            "hyper=debug",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for wrong in ["", "verbose", "infoo", "cartwright=loud", "a=b=c"] {
            let refused = parse(wrong).unwrap_err().to_string();
            assert!(refused.ends_with(&format!("but is `{wrong}`")), "{refused}");
        }
    }

    #[test]
    fn machines_get_one_object_a_line_with_the_request_on_it() {
        let lines = logged("info", LogFormat::Json);
        assert_eq!(lines.lines().count(), 1, "{lines}");
        let line: serde_json::Value = serde_json::from_str(&lines).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["event"], "store.commit.unknown");
        assert_eq!(line["elapsed_ms"], 3);
        assert_eq!(line["spans"][0]["request_id"], "r-1");
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn people_get_one_line_with_the_request_on_it() {
        let lines = logged("info", LogFormat::Text);
        assert_eq!(lines.lines().count(), 1, "{lines}");
        assert!(
            lines.contains(r#"request{request_id="r-1"}:commit:"#),
            "{lines}"
        );
        assert!(lines.contains("not known yet event=\"store.commit.unknown\" elapsed_ms=3"));
    }

    #[test]
    fn the_filter_decides() {
        assert_eq!(logged("off", LogFormat::Text), "");
        assert_eq!(logged("debug", LogFormat::Text).lines().count(), 2);
    }
}
