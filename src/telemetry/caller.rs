//! On whose behalf something is done: what the log tells of it, and what it is below if it is
//! traced. It goes along with the work, through tasks, mailboxes and threads; whoever starts one of
//! those takes it there.

use super::traces;
use hyper::Method;
use opentelemetry::trace::TraceId;
use std::borrow::Cow;
use std::sync::Arc;
use tracing::{Instrument, Span};

tokio::task_local! {
    static REQUEST: Option<Arc<Request>>;
}

/// A client's request, as lines of the log tell of it. Nothing is written before there is a line.
#[derive(Debug)]
pub(super) struct Request {
    id: Option<Arc<str>>,
    /// How it was asked for, at the node that it came to.
    asked: Option<(Method, &'static str)>,
    trace: Option<TraceId>,
}

impl Request {
    /// The one on whose behalf this is called.
    pub(super) fn current() -> Option<Arc<Self>> {
        REQUEST.try_with(Clone::clone).ok().flatten()
    }

    /// Its fields in the log.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
        let asked = self.asked.as_ref();
        let (method, route) = asked
            .map(|(method, route)| (method.as_str(), *route))
            .unzip();
        let fields = [
            ("request_id", self.id.as_deref().map(Cow::from)),
            ("http.method", method.map(Cow::from)),
            (
                "http.route",
                route.filter(|at| !at.is_empty()).map(Cow::from),
            ),
            ("trace_id", self.trace.map(|id| id.to_string().into())),
        ];
        let known = |(name, value): (_, Option<_>)| value.map(|value| (name, value));
        fields.into_iter().filter_map(known)
    }
}

/// Who asks.
#[derive(Clone)]
pub(crate) struct Caller {
    request: Option<Arc<Request>>,
    span: Span,
}

impl Caller {
    /// A client, at the node that it asks. `route` is the path of the endpoint, empty where there is
    /// none; `span` the request's, if it is traced.
    pub(crate) fn client(
        request_id: Arc<str>,
        method: Method,
        route: &'static str,
        span: Span,
    ) -> Self {
        let request = Request {
            id: Some(request_id),
            asked: Some((method, route)),
            trace: traces::id(&span),
        };
        Self {
            request: Some(Arc::new(request)),
            span,
        }
    }

    /// Another node, on behalf of the client's request of this id; `span` is the call's, if it is
    /// traced.
    pub(crate) fn node(request_id: Option<Arc<str>>, span: Span) -> Self {
        let trace = traces::id(&span);
        let request = (request_id.is_some() || trace.is_some()).then(|| {
            Arc::new(Request {
                id: request_id,
                asked: None,
                trace,
            })
        });
        Self { request, span }
    }

    /// Whoever has this called.
    pub(crate) fn current() -> Self {
        Self {
            request: Request::current(),
            span: traces::current(),
        }
    }

    /// All of `askers`, for whom something is done at once: below the span that `make` makes, as
    /// [`traces::shared`]. It is of a request where it is for that one alone.
    pub(crate) fn all<'a>(
        askers: impl Iterator<Item = &'a Self> + Clone,
        make: impl FnOnce(&Span) -> Span,
    ) -> Self {
        let mut each = askers.clone();
        let request = match (each.next(), each.next()) {
            (Some(alone), None) => alone.request.clone(),
            _ => None,
        };
        let span = traces::shared(askers.map(Self::span), make);
        Self { request, span }
    }

    /// What is done on the caller's behalf is below this, if it is traced.
    pub(crate) fn span(&self) -> &Span {
        &self.span
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
        REQUEST.scope(self.request, work.instrument(self.span))
    }

    /// Does `work`, which waits for nothing, on the caller's behalf.
    pub(crate) fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        REQUEST.sync_scope(self.request.clone(), || self.span.in_scope(work))
    }
}

/// The id of the client's request on whose behalf this is called.
pub(crate) fn request_id() -> Option<Arc<str>> {
    Request::current()?.id.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(id: &str) -> Caller {
        Caller::node(Some(id.into()), Span::none())
    }

    #[tokio::test]
    async fn a_request_goes_along_with_its_caller() {
        assert_eq!(request_id(), None);
        let current = caller("r-1").on_behalf(async { Caller::current() }).await;
        assert_eq!(request_id(), None);
        let beside = tokio::spawn(current.clone().on_behalf(async { request_id() }));
        assert_eq!(beside.await.unwrap().as_deref(), Some("r-1"));
        let thread = std::thread::spawn(move || current.in_scope(request_id));
        assert_eq!(thread.join().unwrap().as_deref(), Some("r-1"));
    }

    #[test]
    fn what_is_done_for_several_at_once_is_of_no_request() {
        let of =
            |callers: &[Caller]| Caller::all(callers.iter(), |_| Span::none()).in_scope(request_id);
        assert_eq!(of(&[caller("r-1")]).as_deref(), Some("r-1"));
        assert_eq!(of(&[caller("r-1"), caller("r-2")]), None);
        assert_eq!(of(&[]), None);
    }
}
