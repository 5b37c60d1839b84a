//! JSON bodies in and out: written by sonic-rs, which is fast, and read by serde_json, whose errors
//! tell the field. Whatever is wrong with a body is told by the name of the field and what it must
//! be, never in the words of the parser.

use super::error::ApiError;
use crate::actors::Failure;
use bytes::Bytes;
use serde::Serialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use std::fmt;
use std::marker::PhantomData;
use warp::http::StatusCode;
use warp::http::header::{CONTENT_TYPE, HeaderValue};
use warp::reply::Response;

/// The longest part of a field's path that a message repeats, in characters.
const MAX_PATH: usize = 100;
/// What most bodies fit into, in bytes.
const LIKELY_BODY: usize = 1024;

/// What `data` holds in every answer.
#[derive(Serialize)]
pub(super) struct Data<T> {
    pub(super) data: T,
}

/// What is sent where the answer cannot be written.
const FAULT: &[u8] = br#"{"error":{"code":"internal_error","message":"an internal error"}}"#;

/// A body.
///
/// # Errors
/// It cannot be written: our fault.
pub(super) fn bytes(body: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::with_capacity(LIKELY_BODY);
    append(&mut bytes, body)?;
    Ok(bytes)
}

/// A part of a body, behind what is there.
///
/// # Errors
/// It cannot be written: our fault.
pub(super) fn append(bytes: &mut Vec<u8>, part: &impl Serialize) -> Result<(), ApiError> {
    sonic_rs::to_writer(bytes, part).map_err(|error| {
        tracing::error!(%error, "http.response.unserializable");
        ApiError::Failed(Failure::Internal)
    })
}

/// An answer with a body.
pub(super) fn response(status: StatusCode, body: &impl Serialize) -> Response {
    match bytes(body) {
        Ok(bytes) => of_bytes(status, bytes),
        Err(_) => of_bytes(StatusCode::INTERNAL_SERVER_ERROR, FAULT),
    }
}

/// An answer whose body is JSON already.
pub(super) fn of_bytes(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into().into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// The answer to an ordinary request: `value` as `data`.
pub(super) fn data(status: StatusCode, value: impl Serialize) -> Response {
    response(status, &Data { data: value })
}

/// The answer where there is nothing to say.
pub(super) fn no_content() -> Response {
    let mut response = Response::new("".into());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Reads a body. Unknown fields are ignored.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    if body.trim_ascii().is_empty() {
        let message = "a JSON body is required".to_owned();
        return Err(ApiError::InvalidRequest(message));
    }
    let json = &mut serde_json::Deserializer::from_slice(body);
    let parsed: Object<T> =
        serde_path_to_error::deserialize(&mut *json).map_err(|error| describe(&error))?;
    json.end().map_err(|error| not_json(&error))?;
    Ok(parsed.0)
}

/// A JSON object, and no list of its fields' values, which a struct would take as well.
#[derive(Default)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

fn describe(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let cause = error.inner();
    if !matches!(cause.classify(), Category::Data) {
        return not_json(cause);
    }
    let path = error.path().to_string();
    let text = cause.to_string();
    let message = match text.strip_prefix("missing field `") {
        Some(rest) => {
            let name = rest.split('`').next().unwrap_or_default();
            format!("{} is required", joined(&path, name))
        }
        None => match text.strip_prefix("duplicate field `") {
            Some(rest) => {
                let name = rest.split('`').next().unwrap_or_default();
                format!("{} must be given once", joined(&path, name))
            }
            None => format!("{} must be {}", joined(&path, ""), expected(&text)),
        },
    };
    ApiError::InvalidRequest(message)
}

/// The path of a field of the object at `path`, or of that itself where the field is empty.
fn joined(path: &str, field: &str) -> String {
    let whole = match (path, field) {
        (".", "") => "the body".to_owned(),
        (".", field) => field.to_owned(),
        (path, "") => path.to_owned(),
        (path, field) => format!("{path}.{field}"),
    };
    whole.chars().take(MAX_PATH).collect()
}

/// What a field must be, by what the parser expected there.
fn expected(text: &str) -> &'static str {
    let (_, expected) = text.rsplit_once("expected ").unwrap_or_default();
    let expected = expected.split(" at line ").next().unwrap_or_default();
    match expected {
        "a string" | "a borrowed string" => "a string",
        "i64" | "u64" | "u32" => "a whole number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "an object" | "a map" => "an object",
        _ => "valid",
    }
}

fn not_json(error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    ApiError::InvalidRequest(format!(
        "the body must be one JSON object: see line {line}, column {column}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    struct Item {
        product_id: String,
        variant_id: Option<String>,
        quantity: i64,
        attributes: Option<BTreeMap<String, String>>,
    }

    #[derive(Deserialize)]
    struct Nested {
        #[expect(dead_code, reason = "only its shape counts")]
        address: Object<Inner>,
        #[expect(dead_code, reason = "only its shape counts")]
        codes: Option<Vec<String>>,
    }

    #[derive(Deserialize)]
    struct Inner {
        #[expect(dead_code, reason = "only its shape counts")]
        city: String,
    }

    fn refusal<T: DeserializeOwned>(body: &str) -> String {
        match parse::<T>(body.as_bytes()) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    proptest! {
        #[test]
        fn bodies_are_what_serde_json_would_write(
            texts in vec(any::<String>(), 0..8),
            map in btree_map("\\PC*", "[\\x00-\\x7f]{0,80}", 0..8),
            number in any::<Option<i64>>(),
        ) {
            let body = Data { data: (texts, map, number) };
            let expected = serde_json::to_vec(&body).unwrap();
            prop_assert_eq!(bytes(&body).unwrap(), expected);
        }
    }

    #[test]
    fn null_and_unknown_fields_do_no_harm() {
        let body =
            br#" {"product_id":"p","variant_id":null,"quantity":2,"price":1,"attributes":null}"#;
        let item: Item = parse(body).unwrap();
        assert_eq!((item.product_id.as_str(), item.quantity), ("p", 2));
        assert!(item.variant_id.is_none() && item.attributes.is_none());
    }

    #[test]
    fn a_refusal_names_the_field_and_what_it_must_be() {
        let quantity =
            |value: &str| refusal::<Item>(&format!(r#"{{"product_id":"p","quantity":{value}}}"#));
        for wrong in [
            "1.5",
            "2.0",
            "\"2\"",
            "null",
            "true",
            "[1]",
            "9223372036854775808",
            "1e30",
        ] {
            assert_eq!(
                quantity(wrong),
                "quantity must be a whole number",
                "{wrong}"
            );
        }
        let item = refusal::<Item>;
        assert_eq!(item(r#"{"quantity":1}"#), "product_id is required");
        assert_eq!(
            item(r#"{"product_id":7,"quantity":1}"#),
            "product_id must be a string"
        );
        assert_eq!(
            item(r#"{"quantity":1,"quantity":2}"#),
            "quantity must be given once"
        );
        assert_eq!(
            item(r#"{"product_id":"p","quantity":1,"attributes":{"color":5}}"#),
            "attributes.color must be a string"
        );
        assert_eq!(
            item(r#"{"product_id":"p","quantity":1,"attributes":[]}"#),
            "attributes must be an object"
        );
        let nested = refusal::<Nested>;
        assert_eq!(nested(r#"{"address":{}}"#), "address.city is required");
        assert_eq!(
            nested(r#"{"address":{"city":1}}"#),
            "address.city must be a string"
        );
        assert_eq!(nested(r#"{"address":["x"]}"#), "address must be an object");
        assert_eq!(
            nested(r#"{"address":{"city":"x"},"codes":["a",1]}"#),
            "codes[1] must be a string"
        );
        assert_eq!(
            nested(r#"{"address":{"city":"x"},"codes":"a"}"#),
            "codes must be a list"
        );
    }

    #[test]
    fn only_one_whole_object_is_a_body() {
        let item = refusal::<Item>;
        for empty in ["", "  \n"] {
            assert_eq!(item(empty), "a JSON body is required");
        }
        for other in ["[]", "null", "1", "\"x\"", r#"["p",null,1,null]"#] {
            assert_eq!(item(other), "the body must be an object", "{other}");
        }
        for broken in [
            "{",
            "{]",
            r#"{"product_id":"p","quantity":1} x"#,
            "\u{feff}{}",
            "{\"a\":01}",
        ] {
            let told = item(broken);
            assert!(
                told.starts_with("the body must be one JSON object"),
                "{told}"
            );
        }
        let deep = "[".repeat(10_000);
        assert!(item(&format!(r#"{{"x":{deep}"#)).contains("one JSON object"));
        let long = format!(
            r#"{{"product_id":"p","quantity":1,"attributes":{{"{}":1}}}}"#,
            "x".repeat(9_999)
        );
        assert!(item(&long).len() < 200);
    }
}
