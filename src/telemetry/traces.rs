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

use opentelemetry::trace::{SpanContext, TraceContextExt, TraceId};
use std::time::Duration;
use tracing::{Level, Metadata, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Target of all spans of traces, and of nothing else.
pub const TRACED: &str = "cartwright::traced";
/// Name of the span of a client's request.
pub const REQUEST: &str = "http.request";

/// How long [`Traces::close`] waits for what is still to be sent.
pub const FLUSH_TIME: Duration = Duration::from_secs(2);

/// The span with which a node's part of a traced request begins. As all spans of traces it is of the
/// highest level, so that they are there whatever is logged.
macro_rules! begun {
    ($name:expr $(, $($field:tt)*)?) => {
        tracing::error_span!(
            target: $crate::telemetry::traces::TRACED,
            $name
            $(, $($field)*)?
        )
    };
}
pub(crate) use begun;

/// A span below `parent` with this name and these fields, if `parent` is of a trace; else none.
macro_rules! traced {
    ($parent:expr, $name:literal $(, $($field:tt)*)?) => {{
        // Where nothing is traced, not even the parent is looked up.
        if $crate::telemetry::traces::is_on() {
            let parent: &tracing::Span = $parent;
            match $crate::telemetry::traces::is_traced(parent) {
                true => tracing::error_span!(
                    target: $crate::telemetry::traces::TRACED,
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
    tracing::span_enabled!(target: TRACED, Level::ERROR)
}

fn context(span: &Span) -> SpanContext {
    span.context().span().span_context().clone()
}

/// The span that whoever calls this is in, if anything is traced.
pub(crate) fn current() -> Span {
    match is_on() {
        true => Span::current(),
        false => Span::none(),
    }
}

/// Whether the span is of a trace. Its target says so, which costs no look at the trace.
pub(crate) fn is_traced(span: &Span) -> bool {
    let target = span.metadata().map(Metadata::target);
    !span.is_disabled() && target == Some(TRACED)
}

/// The id of the trace that the span is of.
pub(crate) fn id(span: &Span) -> Option<TraceId> {
    let id = is_traced(span).then(|| context(span).trace_id());
    id.filter(|id| *id != TraceId::INVALID)
}

/// The span of a client's request that `make` makes, by `begun!`, if it is to be traced; else none.
/// `traceparent` is what the client says that the request is part of: it counts where the request is
/// traced, and does not decide whether it is.
pub(crate) fn entered(
    traceparent: impl FnOnce() -> Option<TraceParent>,
    make: impl FnOnce() -> Span,
) -> Span {
    if !is_on() || !head::draws() {
        return Span::none();
    }
    match traceparent().map(TraceParent::undecided) {
        Some(parent) => parent.over(make),
        None => make(),
    }
}

/// The span that `make` makes of another node's call, as [`entered`]: where that node traces it.
pub(crate) fn continued(parent: Option<&TraceParent>, make: impl FnOnce() -> Span) -> Span {
    match parent {
        Some(parent) if is_on() && parent.is_sampled() => parent.over(make),
        _ => Span::none(),
    }
}

/// Notes the status that a client's request was answered with.
pub(crate) fn answered(span: &Span, status: u16) {
    if is_traced(span) {
        span.set_attribute("http.response.status_code", i64::from(status));
    }
}

/// Has a span end now, or when it is left the next time, rather than when it was left
/// last.
pub(crate) fn done(span: &Span) {
    if is_traced(span) {
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
    let mut askers = askers.filter(|asker| is_traced(asker));
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
