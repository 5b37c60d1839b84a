//! Which requests are traced: decided once, before anything is made for the trace. A request that
//! is not has no spans.
//!
//! A client cannot decide it, and chooses no number that it is decided by: whoever could would have
//! every request traced. Another node of ours has decided it for what it asks.

use super::TRACED;
use crate::config::Share;
use crate::sources::Entropy;
use std::sync::Arc;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber, dispatcher};
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
}

/// Whether the next request is traced, where the log is set up with traces.
pub(super) fn draws() -> bool {
    dispatcher::get_default(|log| log.downcast_ref::<Head>().is_some_and(Head::draws))
}

fn is_let_through(metadata: &Metadata<'_>) -> bool {
    let is_of_ours = metadata.target().starts_with(env!("CARGO_PKG_NAME"));
    metadata.target() == TRACED || (metadata.is_event() && is_of_ours)
}

impl<S: Subscriber> Filter<S> for Head {
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        match is_let_through(metadata) {
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: &layer::Context<'_, S>) -> bool {
        is_let_through(metadata)
    }
}
