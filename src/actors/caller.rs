//! On whose behalf something is done: what the log shows of it, at this node and at others.

use std::sync::Arc;
use tracing::{Instrument, Span};

tokio::task_local! {
    static REQUEST_ID: Option<Arc<str>>;
}

/// Does `work` under the id of a request. It goes along with whatever other nodes are asked.
pub fn identified<F: Future>(id: Arc<str>, work: F) -> impl Future<Output = F::Output> {
    REQUEST_ID.scope(Some(id), work)
}

/// Who asks.
#[derive(Clone)]
pub(crate) struct Caller {
    /// What is logged under.
    pub(crate) span: Span,
    /// The id of the client's request, where there is one.
    pub(crate) request_id: Option<Arc<str>>,
}

impl Caller {
    /// Whoever has this called.
    pub(crate) fn current() -> Self {
        Self {
            span: Span::current(),
            request_id: request_id(),
        }
    }

    /// Goes on under the span that `make` makes below the caller's, if it makes one.
    pub(crate) fn enter(&mut self, make: impl FnOnce(&Span) -> Span) {
        let span = make(&self.span);
        if !span.is_disabled() {
            self.span = span;
        }
    }

    /// Does `work` on the caller's behalf.
    pub(crate) fn on_behalf<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        REQUEST_ID.scope(self.request_id, work.instrument(self.span))
    }
}

/// The id of the request on whose behalf this is called.
pub(crate) fn request_id() -> Option<Arc<str>> {
    REQUEST_ID.try_with(Clone::clone).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_id_goes_along_with_the_caller() {
        assert_eq!(request_id(), None);
        let caller = identified("r-1".into(), async { Caller::current() }).await;
        assert_eq!(request_id(), None);
        let beside = tokio::spawn(caller.on_behalf(async { request_id() }));
        assert_eq!(beside.await.unwrap().as_deref(), Some("r-1"));
    }
}
