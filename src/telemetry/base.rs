//! What log and traces lie on: the registry of spans under one filter. With the feature
//! `tokio-console` the console lies there as well, which has to see what the filter keeps out.

use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

/// The registry. One filter for everything: each callsite asks it once, not each request.
#[cfg(not(feature = "tokio-console"))]
pub(super) fn registry(
    wanted: &Targets,
) -> impl Subscriber + for<'span> LookupSpan<'span> + Send + Sync + 'static {
    tracing_subscriber::registry().with(wanted.clone())
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
