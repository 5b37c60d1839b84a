//! Which other sites' pages may call the API. None, unless the configuration names them.

use super::endpoints;
use warp::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderValue, InvalidHeaderValue, ORIGIN, VARY,
};
use warp::http::{HeaderMap, Method, StatusCode};
use warp::reply::Response;

const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, if-none-match, x-request-id",
);
const RESPONSE_HEADERS: HeaderValue =
    HeaderValue::from_static("etag, idempotent-replayed, location, retry-after, x-request-id");
/// How long a browser may remember a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The origins whose pages may call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    origins: Vec<HeaderValue>,
}

impl Cors {
    /// Lets these origins call, each written as browsers do: `https://shop.example`.
    ///
    /// # Errors
    /// One of them can stand in no header.
    pub fn allow(origins: &[String]) -> Result<Self, InvalidHeaderValue> {
        let origins = origins.iter().map(|origin| origin.parse());
        Ok(Self {
            origins: origins.collect::<Result<_, _>>()?,
        })
    }

    /// The origin of a request, if its pages may call.
    pub(super) fn origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        self.origins.contains(origin).then(|| origin.clone())
    }

    /// The answer to a preflight of an origin that may call; `None` where it is no preflight, or
    /// of a path that is not served.
    pub(super) fn preflight(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Option<Response> {
        let is_preflight = method == Method::OPTIONS
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
            && self.origin(headers).is_some();
        let allowed = is_preflight.then(|| endpoints::allowed(path)).flatten()?;
        let mut response = Response::new("".into());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let answer = response.headers_mut();
        let allowed = HeaderValue::try_from(allowed).ok()?;
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, allowed);
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        answer.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        Some(response)
    }

    /// Lets the page of `origin` read an answer, and tells caches that answers differ by origin.
    pub(super) fn mark(&self, origin: Option<HeaderValue>, headers: &mut HeaderMap) {
        if self.origins.is_empty() {
            return;
        }
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origins: &[&str]) -> Cors {
        let origins: Vec<_> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        Cors::allow(&origins).unwrap()
    }

    fn headers(origin: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static(origin));
        let method = HeaderValue::from_static("PATCH");
        headers.insert(ACCESS_CONTROL_REQUEST_METHOD, method);
        headers
    }

    #[test]
    fn only_named_origins_get_a_preflight_answered() {
        let cors = cors(&["https://shop.example", "http://localhost:3000"]);
        let ask = |origin, path| cors.preflight(&Method::OPTIONS, path, &headers(origin));
        let answer = ask("http://localhost:3000", "/api/v1/cart/items/1").unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        assert_eq!(
            answer.headers()[ACCESS_CONTROL_ALLOW_METHODS],
            "PATCH, DELETE"
        );
        assert!(ask("http://localhost:3000", "/nowhere").is_none());
        assert!(ask("https://evil.example", "/api/v1/cart").is_none());
        let named = headers("https://shop.example");
        assert!(
            cors.preflight(&Method::GET, "/api/v1/cart", &named)
                .is_none()
        );
        let closed = Cors::default().preflight(&Method::OPTIONS, "/api/v1/cart", &named);
        assert!(closed.is_none());
    }

    #[test]
    fn answers_tell_caches_and_browsers_whom_they_are_for() {
        let cors = cors(&["https://shop.example"]);
        let mut answer = HeaderMap::new();
        cors.mark(cors.origin(&headers("https://shop.example")), &mut answer);
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], "https://shop.example");
        assert_eq!(answer[VARY], "Origin");
        let mut other = HeaderMap::new();
        cors.mark(cors.origin(&headers("https://evil.example")), &mut other);
        assert!(!other.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
        assert_eq!(other[VARY], "Origin");
        let mut closed = HeaderMap::new();
        Cors::default().mark(None, &mut closed);
        assert!(closed.is_empty());
    }
}
