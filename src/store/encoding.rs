//! How domain values become stored bytes: a format byte, then postcard.
//!
//! The format byte belongs to each value, so that a later format can be read beside this one and
//! need not rewrite what is stored. Tests hold the bytes of every stored type: a change of a type
//! that changes them needs a new format byte and a decoder for the old one.

use super::{Error, Result};
use crate::domain::cart::Cart;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The format that is written.
const FORMAT: u8 = 1;

/// The bytes of a value.
///
/// # Panics
/// Only for types whose `Serialize` fails or does not know its lengths; no stored type is one.
#[must_use]
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    append(Vec::with_capacity(128), value)
}

/// `bytes`, followed by the bytes of a value.
///
/// # Panics
/// As [`encode`].
#[must_use]
pub(crate) fn append<T: Serialize + ?Sized>(mut bytes: Vec<u8>, value: &T) -> Vec<u8> {
    bytes.push(FORMAT);
    postcard::to_extend(value, bytes).expect("a stored type can be serialized into memory")
}

/// The value that `bytes` stand for.
///
/// # Errors
/// [`Error::Corrupt`] for an unknown format, for bytes that are no `T`, and for bytes left over.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let (format, body) = bytes
        .split_first()
        .ok_or_else(|| Error::Corrupt("an empty value".to_owned()))?;
    if *format != FORMAT {
        return Err(Error::Corrupt(format!(
            "format {format} is unknown; this version reads format {FORMAT}"
        )));
    }
    let (value, rest) = postcard::take_from_bytes(body).map_err(|error| {
        let name = std::any::type_name::<T>();
        Error::Corrupt(format!("not a {name}: {error}"))
    })?;
    if !rest.is_empty() {
        return Err(Error::Corrupt(format!(
            "{} bytes too many after a {}",
            rest.len(),
            std::any::type_name::<T>()
        )));
    }
    Ok(value)
}

/// How many bytes a cart takes as stored; nothing is allocated.
///
/// # Panics
/// As [`encode`].
#[must_use]
pub fn cart_bytes(cart: &Cart) -> usize {
    let size = postcard::serialize_with_flavor(cart, postcard::ser_flavors::Size::default());
    1 + size.expect("a cart can be serialized")
}
