//! Answers about the catalogue that are kept, once they were asked for twice, for as long as it stays
//! as it is. Bounded in bytes. Decides nothing: whatever is not here is written anew, to the same
//! bytes.

use super::asked::Asked;
use super::error::ApiError;
use super::{conditional, json};
use crate::catalog::{View, etag};
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use serde::Serialize;
use std::sync::{Arc, Weak};
use twox_hash::XxHash3_64;
use warp::http::header::{CACHE_CONTROL, ETAG, HeaderValue};
use warp::http::{HeaderMap, StatusCode};
use warp::reply::Response;

/// Bytes of all that is kept.
const CAPACITY: u64 = 16 * 1024 * 1024;
/// Answers that this is likely to be.
const LIKELY: usize = 8 * 1024;
/// The longest target that an answer is kept for, in bytes.
const MAX_TARGET: usize = 256;
/// What an answer takes beside its body and its target, in bytes, about.
const OVERHEAD: usize = 160;

/// Prices and stock of a shop move; what a cache shows is at most this old.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=5, must-revalidate");

/// A body and its entity tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    body: Bytes,
    etag: HeaderValue,
}

impl Answer {
    /// Writes it.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub(super) fn of(body: &impl Serialize) -> Result<Self, ApiError> {
        json::bytes(body).map(Self::written)
    }

    /// Of a body that is JSON already.
    pub(super) fn written(mut body: Vec<u8>) -> Self {
        // JSON is written with room for a multiple of it, and what is kept is weighed by its length.
        body.shrink_to_fit();
        let etag = HeaderValue::try_from(etag(&body));
        Self {
            etag: etag.unwrap_or_else(|_| HeaderValue::from_static("\"\"")),
            body: body.into(),
        }
    }

    /// The response to a client that may have it already.
    pub(super) fn respond(self, headers: &HeaderMap) -> Response {
        let mut response = if conditional::is_known(headers, self.etag.to_str().unwrap_or_default())
        {
            let mut unchanged = Response::new("".into());
            *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
            unchanged
        } else {
            json::of_bytes(StatusCode::OK, self.body)
        };
        let headers = response.headers_mut();
        headers.insert(ETAG, self.etag);
        headers.insert(CACHE_CONTROL, CACHED);
        response
    }
}

/// The answers that were written for the current view.
#[derive(Default)]
pub(super) struct Rendered {
    kept: ArcSwapOption<OfView>,
    asked: Asked,
}

/// The answers about one view, by path and query as they were asked for.
struct OfView {
    view: Weak<View>,
    answers: Cache<Box<str>, Answer, Bytewise>,
}

#[derive(Clone)]
struct Bytewise;

impl Weighter<Box<str>, Answer> for Bytewise {
    fn weight(&self, target: &Box<str>, answer: &Answer) -> u64 {
        u64::try_from(target.len() + answer.body.len() + OVERHEAD).unwrap_or(u64::MAX)
    }
}

impl Rendered {
    /// What was written for `target` of this very view.
    pub(super) fn find(&self, view: &Arc<View>, target: &str) -> Option<Answer> {
        let kept = self.kept.load();
        let kept = kept.as_ref().filter(|kept| kept.is_of(view))?;
        kept.answers.get(target)
    }

    /// Keeps what was written for `target` of a view, if that was asked for before. Those of another
    /// view go.
    pub(super) fn keep(&self, view: &Arc<View>, target: &str, answer: &Answer) {
        let hash = XxHash3_64::oneshot(target.as_bytes());
        if target.len() > MAX_TARGET || !self.asked.again(hash) {
            return;
        }
        let kept = self.kept.load_full().filter(|kept| kept.is_of(view));
        let kept = kept.unwrap_or_else(|| {
            let fresh = Arc::new(OfView::new(view));
            self.kept.store(Some(Arc::clone(&fresh)));
            fresh
        });
        kept.answers.insert(target.into(), answer.clone());
    }
}

impl OfView {
    fn new(view: &Arc<View>) -> Self {
        Self {
            view: Arc::downgrade(view),
            answers: Cache::with_weighter(LIKELY, CAPACITY, Bytewise),
        }
    }

    /// A weak reference keeps the address from being another view's.
    fn is_of(&self, view: &Arc<View>) -> bool {
        std::ptr::eq(self.view.as_ptr(), Arc::as_ptr(view))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Live;
    use crate::sources::SystemClock;
    use crate::store::memory::MemoryStore;

    async fn view() -> Arc<View> {
        let store = MemoryStore::new(Arc::new(SystemClock));
        Live::load(&store).await.unwrap().current()
    }

    fn body(rendered: &Rendered, view: &Arc<View>, target: &str) -> Option<Bytes> {
        rendered.find(view, target).map(|answer| answer.body)
    }

    #[tokio::test]
    async fn an_answer_is_found_for_its_target_and_its_view_only() {
        let (rendered, now) = (Rendered::default(), view().await);
        for _ in 0..2 {
            assert_eq!(body(&rendered, &now, "/a"), None);
            rendered.keep(&now, "/a", &Answer::of(&1).unwrap());
        }
        assert_eq!(body(&rendered, &now, "/a").as_deref(), Some(&b"1"[..]));
        assert_eq!(body(&rendered, &now, "/a?page=1"), None);
        let later = view().await;
        assert_eq!(body(&rendered, &later, "/a"), None);
        rendered.keep(&later, "/a", &Answer::of(&2).unwrap());
        assert_eq!(body(&rendered, &later, "/a").as_deref(), Some(&b"2"[..]));
        assert_eq!(body(&rendered, &now, "/a"), None);
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded() {
        let (rendered, view) = (Rendered::default(), view().await);
        let answer = Answer::of(&"x".repeat(64 * 1024)).unwrap();
        for number in 0..4_000 {
            rendered.keep(&view, &format!("/{}", number / 2), &answer);
        }
        let kept = rendered.kept.load_full().unwrap();
        assert!(!kept.answers.is_empty() && kept.answers.weight() <= CAPACITY);
        let long = format!("/{}", "x".repeat(MAX_TARGET));
        for _ in 0..2 {
            rendered.keep(&view, &long, &Answer::of(&1).unwrap());
        }
        assert_eq!(body(&rendered, &view, &long), None);
    }
}
