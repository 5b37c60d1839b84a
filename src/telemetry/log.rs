//! The log: which lines there are, and what they look like.

use super::TelemetryError;
use super::base::with_lines;
use super::line::{ForMachines, ForPeople};
use super::traces::TRACED;
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
    let spans = match with_traces {
        true => LevelFilter::ERROR,
        false => LevelFilter::OFF,
    };
    Ok(parse(filter)?.with_target(TRACED, spans))
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
        LogFormat::Text => with_lines(below, lines.event_format(ForPeople), wanted),
        LogFormat::Json => {
            let lines = lines.json().map_event_format(ForMachines::new);
            with_lines(below, lines, wanted)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::caller::Caller;
    use crate::telemetry::subscriber;
    use hyper::Method;
    use serde_json::Value;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing::Span;

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

    /// What is written of what `work` logs.
    fn written_of(filter: &str, format: LogFormat, ansi: bool, work: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = subscriber(filter, format, None, ansi, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(log, work);
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    fn logged(filter: &str, format: LogFormat) -> String {
        written_of(filter, format, false, || {
            tracing::debug!("quiet");
            tracing::info!(elapsed_ms = 3, "store.commit.unknown");
        })
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

    fn object(line: &str) -> Value {
        assert_eq!(line.lines().count(), 1, "{line}");
        serde_json::from_str(line).unwrap()
    }

    fn fields(line: &Value) -> [&Value; 4] {
        ["request_id", "http.method", "http.route", "trace_id"].map(|name| &line[name])
    }

    fn client(id: &str) -> Caller {
        Caller::client(id.into(), Method::GET, "/api/v1/cart", Span::none())
    }

    #[test]
    fn machines_get_one_object_a_line_with_the_request_on_it() {
        let line = client("r-\"1").in_scope(|| logged("info", LogFormat::Json));
        let line = object(&line);
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "store.commit.unknown");
        assert_eq!(line["elapsed_ms"], 3);
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
        let [id, method, route, trace] = fields(&line);
        assert_eq!([id, method, route], ["r-\"1", "GET", "/api/v1/cart"]);
        assert!(trace.is_null());
    }

    #[test]
    fn people_get_one_line_that_ends_with_the_request() {
        let line = client("r-1").in_scope(|| logged("info", LogFormat::Text));
        let (time, line) = line.split_once(' ').unwrap();
        assert!(time.ends_with('Z'), "{time}");
        assert_eq!(
            line,
            " INFO cartwright::telemetry::log::tests: store.commit.unknown elapsed_ms=3 \
             request_id=r-1 http.method=GET http.route=/api/v1/cart\n"
        );
    }

    #[test]
    fn a_terminal_gets_colours() {
        let told = || tracing::warn!("store.commit.unknown");
        let line = written_of("info", LogFormat::Text, true, told);
        assert!(line.starts_with("\x1b[2m2"), "{line:?}");
        let rest = "Z\x1b[0m \x1b[33m WARN\x1b[0m \
                    \x1b[2mcartwright::telemetry::log::tests:\x1b[0m store.commit.unknown\n";
        assert!(line.ends_with(rest), "{line:?}");
    }

    #[test]
    fn outside_a_request_nothing_is_told_of_one() {
        let line = object(&logged("info", LogFormat::Json));
        assert_eq!(fields(&line), [&Value::Null; 4]);
        let line = logged("info", LogFormat::Text);
        assert!(line.ends_with("elapsed_ms=3\n"), "{line}");
    }

    #[test]
    fn another_nodes_call_tells_the_id_alone_and_an_endpoint_that_is_none_no_route() {
        let call = Caller::node(Some("r-1".into()), Span::none());
        let line = call.in_scope(|| logged("info", LogFormat::Text));
        assert!(line.ends_with("elapsed_ms=3 request_id=r-1\n"), "{line}");
        let lost = Caller::client("r-1".into(), Method::PUT, "", Span::none());
        let line = lost.in_scope(|| logged("info", LogFormat::Text));
        assert!(line.ends_with("request_id=r-1 http.method=PUT\n"), "{line}");
    }

    #[test]
    fn what_an_event_tells_itself_is_told_once() {
        let told = || client("r-1").in_scope(|| tracing::info!(request_id = "r-2", "app.started"));
        for format in [LogFormat::Json, LogFormat::Text] {
            let line = written_of("info", format, false, told);
            assert_eq!(line.matches("request_id").count(), 1, "{line}");
            assert!(
                line.contains("r-2") && line.contains("/api/v1/cart"),
                "{line}"
            );
        }
    }

    #[test]
    fn spans_are_not_told() {
        let told = || {
            let _elsewhere = tracing::error_span!("connection", peer = 7).entered();
            tracing::info!("app.started");
        };
        for format in [LogFormat::Json, LogFormat::Text] {
            let line = written_of("info", format, false, told);
            assert!(
                line.contains("app.started") && !line.contains("connection"),
                "{line}"
            );
            assert!(!line.contains("span"), "{line}");
        }
    }

    #[test]
    fn the_filter_decides() {
        assert_eq!(logged("off", LogFormat::Text), "");
        assert_eq!(logged("debug", LogFormat::Text).lines().count(), 2);
    }
}
