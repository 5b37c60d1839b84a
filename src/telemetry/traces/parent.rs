//! What a span is below that another process made: W3C's `traceparent`.

use super::context;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use std::fmt;
use tracing::Span;

/// The header, in HTTP and gRPC.
pub const TRACEPARENT: &str = "traceparent";

/// A span, as other processes know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(SpanContext);

struct Header<'a>(&'a str);

impl Extractor for Header<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

impl TraceParent {
    /// The span that this header names; `None` where it is malformed.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let read = TraceContextPropagator::new();
        let context = read.extract_with_context(&Context::new(), &Header(header));
        let context = context.span().span_context().clone();
        context.is_valid().then_some(Self(context))
    }

    /// What others are told of the span, if it is of a trace.
    pub(crate) fn of(span: &Span) -> Option<Self> {
        super::is_traced(span).then(|| Self(context(span)))
    }

    /// The same, but that it says nothing of whether anything is traced.
    #[must_use]
    pub(super) fn undecided(self) -> Self {
        let (of, id) = (self.0.trace_id(), self.0.span_id());
        let flags = TraceFlags::NOT_SAMPLED;
        Self(SpanContext::new(of, id, flags, true, TraceState::NONE))
    }

    /// Makes spans below it.
    pub(super) fn over(&self, make: impl FnOnce() -> Span) -> Span {
        let _below = Context::new()
            .with_remote_span_context(self.0.clone())
            .attach();
        make()
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = self.0.trace_flags().to_u8();
        write!(
            f,
            "00-{}-{}-{flags:02x}",
            self.0.trace_id(),
            self.0.span_id()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_header_is_read_as_it_is_written() {
        let read = TraceParent::parse(HEADER).unwrap();
        assert_eq!(read.to_string(), HEADER);
        let undecided = read.undecided().to_string();
        assert_eq!(undecided, HEADER.replace("-01", "-00"));
    }

    #[test]
    fn what_is_no_header_is_none() {
        let zero = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        let longer = format!("{HEADER}-01");
        for text in ["", "00", &HEADER[1..], zero, &longer, "00-x-y-01"] {
            assert_eq!(TraceParent::parse(text), None, "{text}");
        }
    }
}
