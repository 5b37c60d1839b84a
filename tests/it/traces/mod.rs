//! Traces: what hangs together in one, which requests have one, and what becomes of it when the
//! collector does not take it.
//!
//! Subscribers are set for the test's thread, on which its runtime does everything.

mod chain;
mod collector;
mod commits;
mod head;

use cartwright::config::{LogFormat, Share};
use cartwright::sources::SystemEntropy;
use cartwright::telemetry::subscriber;
use cartwright::telemetry::traces::Traces;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tracing::span::{Attributes, Id};
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// A collector, and where the log goes.
#[derive(Clone, Debug, Default)]
struct Collected {
    spans: Arc<Mutex<Vec<SpanData>>>,
    log: Arc<Mutex<Vec<u8>>>,
}

impl SpanExporter for Collected {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.spans.lock().unwrap().extend(batch);
        Ok(())
    }
}

impl io::Write for Collected {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.log.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts the spans that are made, sent or not.
#[derive(Clone, Default)]
struct Made(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Made {
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is traced on this thread, as long as it is there.
struct Tracing {
    collected: Collected,
    traces: Traces,
    made: Made,
    _here: DefaultGuard,
    /// Were there one subscriber alone, another test that logs something first, and has none, would
    /// decide for all threads that nobody wants it.
    _another: Dispatch,
}

impl Tracing {
    /// Of so many requests.
    fn of(sample: &str) -> Self {
        let sample: Share = sample.parse().unwrap();
        let collected = Collected::default();
        let traces = Traces::to(collected.clone(), sample, "here", Arc::new(SystemEntropy));
        let (log, format) = (collected.clone(), LogFormat::Json);
        let filter = "off,cartwright=debug";
        let lines = subscriber(filter, format, Some(&traces), false, move || log.clone());
        let made = Made::default();
        Self {
            collected,
            traces,
            made: made.clone(),
            _another: Dispatch::new(NoSubscriber::new()),
            _here: tracing::subscriber::set_default(lines.unwrap().with(made)),
        }
    }

    /// How many spans were made by now.
    fn made(&self) -> usize {
        self.made.0.load(Ordering::Relaxed)
    }

    /// The spans that were sent by now.
    fn so_far(&self) -> Spans {
        Spans(self.collected.spans.lock().unwrap().clone())
    }

    /// All spans, and the log.
    fn end(self) -> (Spans, String) {
        self.traces.close();
        let spans = std::mem::take(&mut *self.collected.spans.lock().unwrap());
        let log = String::from_utf8(self.collected.log.lock().unwrap().clone());
        (Spans(spans), log.unwrap())
    }
}

/// Finished spans.
struct Spans(Vec<SpanData>);

impl Spans {
    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a SpanData> + 'a {
        self.0.iter().filter(move |span| span.name == name)
    }

    /// Of one trace.
    fn of_trace(&self, id: &str) -> Self {
        let is_of = |span: &&SpanData| span.span_context.trace_id().to_string() == id;
        Self(self.0.iter().filter(is_of).cloned().collect())
    }

    /// The names of a span and of those above it, and the id of what is above the last of them.
    fn above(&self, span: &SpanData) -> (Vec<String>, String) {
        let (mut names, mut at) = (vec![span.name.to_string()], span);
        loop {
            let of = |above: &&SpanData| above.span_context.span_id() == at.parent_span_id;
            let Some(above) = self.0.iter().find(of) else {
                return (names, at.parent_span_id.to_string());
            };
            names.push(above.name.to_string());
            at = above;
        }
    }
}

fn attribute(span: &SpanData, key: &str) -> String {
    let found = span.attributes.iter().find(|at| at.key.as_str() == key);
    found.map_or_else(String::new, |at| at.value.to_string())
}
