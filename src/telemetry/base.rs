//! What log and traces lie on: the registry of spans under what is wanted. With the feature
//! `tokio-console` the console lies there as well, which has to see what is kept out else.

#[cfg(not(feature = "tokio-console"))]
use super::traces::TRACED;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
#[cfg(not(feature = "tokio-console"))]
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

/// The registry, of events and spans of traces: lines of the log tell of no span, and libraries
/// would make one for each of their actors or connections. Filters are for everything: each
/// callsite asks them once, not each request.
#[cfg(not(feature = "tokio-console"))]
pub(super) fn registry(
    wanted: &Targets,
) -> impl Subscriber + for<'span> LookupSpan<'span> + Send + Sync + 'static {
    let is_told = filter_fn(|metadata| metadata.is_event() || metadata.target() == TRACED);
    tracing_subscriber::registry()
        .with(wanted.clone())
        .with(is_told)
}

/// The registry with the console, which listens where `TOKIO_CONSOLE_BIND` says.
#[cfg(feature = "tokio-console")]
pub(super) fn registry(
    _: &Targets,
) -> impl Subscriber + for<'span> LookupSpan<'span> + Send + Sync + 'static {
    tracing_subscriber::registry().with(console_subscriber::spawn())
}

/// The lines of the log upon it.
pub(super) fn with_lines<S, L>(
    below: S,
    lines: L,
    _wanted: Targets,
) -> Box<dyn Subscriber + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync + 'static,
    L: Layer<S> + Send + Sync + 'static,
{
    #[cfg(feature = "tokio-console")]
    let lines = lines.with_filter(_wanted);
    Box::new(below.with(lines))
}
