//! What a span is below that another process made: W3C's `traceparent`.

use super::context;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use std::fmt;
use tracing::Span;

/// The header, in HTTP and gRPC.
pub const TRACEPARENT: &str = "traceparent";

/// A span, as other processes know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(SpanContext);

impl TraceParent {
    /// The span that this header names; `None` where it is malformed, or of another version.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let parts: Vec<_> = header.splitn(5, '-').collect();
        let ["00", trace, span, flags] = parts[..] else {
            return None;
        };
        let is_hex = |part: &&str| part.bytes().all(|b| b"0123456789abcdef".contains(&b));
        if [trace.len(), span.len(), flags.len()] != [32, 16, 2] || !parts.iter().all(is_hex) {
            return None;
        }
        let (of, id) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
        let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
        let context = SpanContext::new(of, id, flags, true, TraceState::NONE);
        context.is_valid().then_some(Self(context))
    }

    /// What others are told of the span, if it is of a trace.
    pub(crate) fn of(span: &Span) -> Option<Self> {
        super::is_traced(span).then(|| Self(context(span)))
    }

    /// Whether the span is traced, as far as whoever sent this says.
    pub(super) fn is_sampled(&self) -> bool {
        self.0.is_sampled()
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
        let (longer, large) = (format!("{HEADER}-01"), HEADER.to_uppercase());
        let odd = HEADER.replace("-01", "-+1");
        for text in [
            "",
            "00",
            &HEADER[1..],
            zero,
            &longer,
            &large,
            &odd,
            "00-x-y-01",
        ] {
            assert_eq!(TraceParent::parse(text), None, "{text}");
        }
    }
}
