//! Conditional requests and idempotency keys: `If-Match`, `If-None-Match`, `Idempotency-Key`.

use super::error::ApiError;
use crate::domain::user::{IfMatch, Key};
use sha2::{Digest, Sha256};
use warp::http::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use warp::http::{HeaderValue, Method};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest idempotency key, in characters.
const MAX_KEY: usize = 255;

/// What `If-Match` demands of the cart. What is no tag of ours never matches.
pub(super) fn if_match(headers: &HeaderMap) -> IfMatch {
    let Some(tags) = Tags::of(headers, IF_MATCH) else {
        return IfMatch::Anything;
    };
    match tags {
        Tags::Any => IfMatch::Anything,
        Tags::These(tags) => {
            let strong = tags.into_iter().filter(|tag| !tag.weak);
            IfMatch::Revisions(strong.filter_map(|tag| revision(tag.opaque)).collect())
        }
    }
}

/// Whether the client has what `etag` (quotes included) stands for, by `If-None-Match`.
pub(super) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let ours = etag.trim_matches('"');
    match Tags::of(headers, IF_NONE_MATCH) {
        None => false,
        Some(Tags::Any) => true,
        Some(Tags::These(tags)) => tags.iter().any(|tag| tag.opaque == ours),
    }
}

/// The entity tag of a cart's revision.
pub(super) fn cart_etag(revision: u64) -> HeaderValue {
    let text = format!("\"{revision}\"");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// Tells the client that its key took effect before.
pub(super) fn mark_replay(headers: &mut HeaderMap, replayed: bool) {
    if replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
}

/// The idempotency key of a request, if it has one.
///
/// # Errors
/// The header is there, but is no key.
pub(super) fn key(
    headers: &HeaderMap,
    method: &Method,
    path: &str,
    body: &[u8],
) -> Result<Option<Key>, ApiError> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = given.next() else {
        return Ok(None);
    };
    let is_key = given.next().is_none() && is_visible(key.as_bytes(), MAX_KEY);
    match key.to_str() {
        Ok(text) if is_key => Ok(Some(Key {
            key: text.to_owned(),
            fingerprint: fingerprint(method, path, body),
        })),
        _ => Err(ApiError::InvalidRequest(format!(
            "Idempotency-Key must be 1 to {MAX_KEY} visible ASCII characters"
        ))),
    }
}

/// Whether `text` is 1 to `max` visible ASCII characters.
pub(super) fn is_visible(text: &[u8], max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic)
}

fn fingerprint(method: &Method, path: &str, body: &[u8]) -> [u8; 32] {
    // Neither a method nor a path holds a space.
    Sha256::new()
        .chain_update(method.as_str())
        .chain_update(" ")
        .chain_update(path)
        .chain_update(" ")
        .chain_update(body)
        .finalize()
        .into()
}

fn revision(opaque: &str) -> Option<u64> {
    let revision: u64 = opaque.parse().ok()?;
    (revision.to_string() == opaque).then_some(revision)
}

/// The tags that a header lists.
enum Tags<'a> {
    Any,
    These(Vec<Tag<'a>>),
}

struct Tag<'a> {
    weak: bool,
    opaque: &'a str,
}

impl<'a> Tags<'a> {
    fn of(headers: &'a HeaderMap, name: HeaderName) -> Option<Self> {
        let mut tags = Vec::new();
        let mut values = headers.get_all(name).iter().peekable();
        values.peek()?;
        for value in values {
            let Ok(text) = value.to_str() else { continue };
            if text.trim() == "*" {
                return Some(Self::Any);
            }
            tags.extend(listed(text));
        }
        Some(Self::These(tags))
    }
}

/// The tags of one header line, up to the first thing that is none.
fn listed(mut text: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    loop {
        text = text.trim_start_matches([' ', '\t', ',']);
        let weak = text.starts_with("W/");
        let quoted = text.strip_prefix("W/").unwrap_or(text).strip_prefix('"');
        let Some((opaque, rest)) = quoted.and_then(|quoted| quoted.split_once('"')) else {
            return tags;
        };
        tags.push(Tag { weak, opaque });
        text = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn if_match_compares_strongly() {
        let of = |value: &str| if_match(&headers(&[("if-match", value)]));
        assert_eq!(if_match(&HeaderMap::new()), IfMatch::Anything);
        assert_eq!(of("*"), IfMatch::Anything);
        assert_eq!(of("\"3\""), IfMatch::Revisions(vec![3]));
        assert_eq!(
            of(" \"3\" ,, \"4\",W/\"5\""),
            IfMatch::Revisions(vec![3, 4])
        );
        for never in [
            "", "3", "\"03\"", "\"+3\"", "\"x\"", "W/\"3\"", "\"3", "w/\"3\"",
        ] {
            assert_eq!(of(never), IfMatch::Revisions(vec![]), "{never}");
        }
        let two = headers(&[("if-match", "\"1\""), ("if-match", "\"2\"")]);
        assert_eq!(if_match(&two), IfMatch::Revisions(vec![1, 2]));
    }

    #[test]
    fn if_none_match_compares_weakly() {
        let known = |value: &str| is_known(&headers(&[("if-none-match", value)]), "\"abc\"");
        for hit in [
            "*",
            "\"abc\"",
            "W/\"abc\"",
            "\"x\", \"abc\"",
            "\"a,b\",\"abc\"",
        ] {
            assert!(known(hit), "{hit}");
        }
        for miss in ["", "abc", "\"abcd\"", "\"a", "\"x\" y \"abc\""] {
            assert!(!known(miss), "{miss}");
        }
        assert!(!is_known(&HeaderMap::new(), "\"abc\""));
    }

    #[test]
    fn a_key_is_one_header_of_visible_characters() {
        let of = |value: &str| {
            let headers = headers(&[("idempotency-key", value)]);
            key(&headers, &Method::POST, "/a", b"{}").map_err(|error| error.to_string())
        };
        assert_eq!(
            key(&HeaderMap::new(), &Method::POST, "/a", b"").unwrap(),
            None
        );
        assert_eq!(of("k-1").unwrap().unwrap().key, "k-1");
        assert!(of(&"k".repeat(255)).is_ok());
        for wrong in ["", "a b", "ä", &"k".repeat(256)] {
            let told = of(wrong).unwrap_err();
            assert_eq!(
                told,
                "Idempotency-Key must be 1 to 255 visible ASCII characters"
            );
        }
        let two = headers(&[("idempotency-key", "a"), ("idempotency-key", "b")]);
        assert!(key(&two, &Method::POST, "/a", b"").is_err());
    }

    #[test]
    fn a_fingerprint_tells_method_path_and_body_apart() {
        let one = fingerprint(&Method::POST, "/a", b"{}");
        assert_eq!(one, fingerprint(&Method::POST, "/a", b"{}"));
        let others = [
            fingerprint(&Method::PATCH, "/a", b"{}"),
            fingerprint(&Method::POST, "/b", b"{}"),
            fingerprint(&Method::POST, "/a", b"{} "),
        ];
        assert!(!others.contains(&one));
    }
}
