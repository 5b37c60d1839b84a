//! Traces of requests, from the socket to the store and through other nodes.
//!
//! Whether a request is traced is decided once, where it enters (`head.rs`). Whoever takes part in
//! it makes spans by `traced!` below the one that came along,
//! of which there are none where the request is not traced, or nothing is.

mod export;
mod head;
mod parent;

pub use export::Traces;
pub use parent::{TRACEPARENT, TraceParent};

use opentelemetry::trace::{SpanContext, TraceContextExt};
use std::time::Duration;
use tracing::{Level, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Target of the spans with which a node's part of a trace may begin. Log lines show them, traced
/// or not.
pub const HEAD: &str = "cartwright::request";
/// Target of the spans that there are for traces alone.
pub const INNER: &str = "cartwright::traced";
/// Name of the span of a client's request.
pub const REQUEST: &str = "http.request";

/// How long [`Traces::close`] waits for what is still to be sent.
pub const FLUSH_TIME: Duration = Duration::from_secs(2);

/// A span below `parent` with this name and these fields, if `parent` is of a trace; else none.
macro_rules! traced {
    ($parent:expr, $name:literal $(, $($field:tt)*)?) => {{
        // Where nothing is traced, not even the parent is looked up.
        if $crate::telemetry::traces::is_on() {
            let parent: &tracing::Span = $parent;
            match $crate::telemetry::traces::is_traced(parent) {
                true => tracing::error_span!(
                    target: $crate::telemetry::traces::INNER,
                    parent: parent,
                    $name
                    $(, $($field)*)?
                ),
                false => tracing::Span::none(),
            }
        } else {
            tracing::Span::none()
        }
    }};
}
pub(crate) use traced;

/// Whether anything is traced.
pub(crate) fn is_on() -> bool {
    tracing::span_enabled!(target: INNER, Level::ERROR)
}

fn context(span: &Span) -> SpanContext {
    span.context().span().span_context().clone()
}

/// Whether the span is of a trace.
pub(crate) fn is_traced(span: &Span) -> bool {
    is_inner(span) || (is_on() && context(span).is_sampled())
}

/// Whether there is the span for a trace alone, which costs no look at the trace.
fn is_inner(span: &Span) -> bool {
    !span.is_disabled() && span.metadata().is_some_and(|of| of.target() == INNER)
}

/// The span of a client's request that `make` makes, with the target [`HEAD`] and a field
/// `trace_id`. `traceparent` is what the client says that the request is part of: it counts where
/// the request is traced, and does not decide whether it is.
pub(crate) fn entered(
    traceparent: impl FnOnce() -> Option<TraceParent>,
    make: impl FnOnce() -> Span,
) -> Span {
    if !is_on() {
        return make();
    }
    let parent = traceparent().map(TraceParent::undecided);
    named(match parent {
        Some(parent) => parent.over(make),
        None => make(),
    })
}

/// The span that `make` makes of another node's call, as [`entered`]: traced where that node traces
/// it.
pub(crate) fn continued(parent: Option<&TraceParent>, make: impl FnOnce() -> Span) -> Span {
    match parent {
        Some(parent) if is_on() => named(parent.over(make)),
        _ => make(),
    }
}

/// Has the log show which trace the span is of.
fn named(span: Span) -> Span {
    let context = context(&span);
    if context.is_sampled() {
        span.record("trace_id", tracing::field::display(context.trace_id()));
    }
    span
}

/// Notes the status that a client's request was answered with.
pub(crate) fn answered(span: &Span, status: u16) {
    if is_traced(span) {
        span.set_attribute("http.response.status_code", i64::from(status));
    }
}

/// Has a span of [`INNER`] end now, or when it is left the next time, rather than when it was left
/// last.
pub(crate) fn done(span: &Span) {
    if is_inner(span) {
        span.in_scope(|| ());
    }
}

/// Work for many commands: a span below the first of `askers` that is of a trace, and linked with
/// the others that are. `make` makes it, by `traced!`.
pub(crate) fn shared<'a>(
    askers: impl Iterator<Item = &'a Span>,
    make: impl FnOnce(&Span) -> Span,
) -> Span {
    if !is_on() {
        return Span::none();
    }
    let mut askers = askers.filter(|asker| is_inner(asker));
    let Some(first) = askers.next() else {
        return Span::none();
    };
    let span = make(first);
    for asker in askers {
        // Each way: whoever looks at either trace finds the other.
        span.follows_from(asker);
        asker.follows_from(&span);
    }
    span
}
