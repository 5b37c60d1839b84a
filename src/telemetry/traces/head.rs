//! Which requests are traced: decided once, before anything is made for the trace.
//!
//! A client cannot decide it, and chooses no number that it is decided by: whoever could would have
//! every request traced. Another node of ours has decided it for what it asks.

use super::{HEAD, INNER, REQUEST};
use crate::config::Share;
use crate::sources::Entropy;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use std::sync::Arc;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{self, Filter};

/// Lets the spans of traced requests through, and what happens in them.
#[derive(Clone)]
pub(super) struct Head {
    pub(super) sample: Share,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl Head {
    fn draws(&self) -> bool {
        if [Share::NONE, Share::ALL].contains(&self.sample) {
            return self.sample == Share::ALL;
        }
        let mut drawn = [0; 4];
        self.entropy.fill(&mut drawn);
        self.sample.has(u32::from_ne_bytes(drawn))
    }

    fn begins(&self, name: &str) -> bool {
        let goes_on = Context::map_current(|context| context.span().span_context().is_sampled());
        goes_on || (name == REQUEST && self.draws())
    }
}

fn is_of_ours(event: &Metadata<'_>) -> bool {
    event.is_event() && event.target().starts_with(env!("CARGO_PKG_NAME"))
}

impl<S: Subscriber> Filter<S> for Head {
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        match metadata.target() {
            HEAD => Interest::sometimes(),
            INNER => Interest::always(),
            _ if is_of_ours(metadata) => Interest::always(),
            _ => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: &layer::Context<'_, S>) -> bool {
        match metadata.target() {
            HEAD => self.begins(metadata.name()),
            INNER => true,
            _ => is_of_ours(metadata),
        }
    }
}
