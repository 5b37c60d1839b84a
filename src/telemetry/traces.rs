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
use tracing::{Level, Metadata, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Target of the spans with which a node's part of a request begins that is not traced: they are
/// there for the log.
pub const HEAD: &str = "cartwright::request";
/// Target of those of a request that is traced.
pub const TRACED: &str = "cartwright::request::traced";
/// Target of the spans that there are for traces alone.
pub const INNER: &str = "cartwright::traced";
/// Name of the span of a client's request.
pub const REQUEST: &str = "http.request";

/// How long [`Traces::close`] waits for what is still to be sent.
pub const FLUSH_TIME: Duration = Duration::from_secs(2);

/// The span with which a node's part of a request begins, of the highest level, so that whatever is
/// logged shows its fields; and of a trace, if it is to be traced.
macro_rules! begun {
    ($is_traced:expr, $name:expr, $($field:tt)*) => {
        match $is_traced {
            true => tracing::error_span!(
                target: $crate::telemetry::traces::TRACED,
                $name,
                trace_id = tracing::field::Empty,
                $($field)*
            ),
            false => tracing::error_span!(
                target: $crate::telemetry::traces::HEAD,
                $name,
                $($field)*
            ),
        }
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

/// Whether the span is of a trace. Its target says so, which costs no look at the trace.
pub(crate) fn is_traced(span: &Span) -> bool {
    has_target(span, &[TRACED, INNER])
}

/// Whether there is the span for a trace alone.
fn is_inner(span: &Span) -> bool {
    has_target(span, &[INNER])
}

fn has_target(span: &Span, targets: &[&str]) -> bool {
    let target = span.metadata().map(Metadata::target);
    !span.is_disabled() && target.is_some_and(|target| targets.contains(&target))
}

/// The span of a client's request that `make` makes, by `begun!`, of a request that is traced or not.
/// `traceparent` is what the client says that the request is part of: it counts where the request is
/// traced, and does not decide whether it is.
pub(crate) fn entered(
    traceparent: impl FnOnce() -> Option<TraceParent>,
    make: impl FnOnce(bool) -> Span,
) -> Span {
    if !is_on() || !head::draws() {
        return make(false);
    }
    let parent = traceparent().map(TraceParent::undecided);
    named(match parent {
        Some(parent) => parent.over(|| make(true)),
        None => make(true),
    })
}

/// The span that `make` makes of another node's call, as [`entered`]: traced where that node traces
/// it.
pub(crate) fn continued(parent: Option<&TraceParent>, make: impl FnOnce(bool) -> Span) -> Span {
    match parent {
        Some(parent) if is_on() && parent.is_sampled() => named(parent.over(|| make(true))),
        _ => make(false),
    }
}

/// Has the log show which trace the span is of.
fn named(span: Span) -> Span {
    let id = context(&span).trace_id();
    span.record("trace_id", tracing::field::display(id));
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
