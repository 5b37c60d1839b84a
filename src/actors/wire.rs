//! How requests and answers become bytes between nodes: a format number, then postcard.
//!
//! Nothing of it is kept, so there is one format at a time: nodes of versions whose formats differ
//! refuse each other's calls. A test holds the bytes of every kind of request and answer: whoever
//! changes them makes a new format number.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The format that is written, and the only one that is read.
const FORMAT: u8 = 1;

/// What can be sent to another node.
pub(crate) trait Wire: Serialize + DeserializeOwned {}

impl<T: Serialize + DeserializeOwned> Wire for T {}

/// Bytes that this version cannot read. Says nothing of what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// Of another version.
    #[error("format {0:?} is unknown; this version reads format {FORMAT}")]
    Format(Option<u8>),
    /// Of this version, and yet not what they must be.
    #[error("the bytes are not what they must be")]
    Content,
}

/// The bytes of a value.
///
/// # Panics
/// Only for types whose `Serialize` fails or does not know its lengths; nothing that is sent is one.
pub(super) fn encode(value: &impl Wire) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    bytes.push(FORMAT);
    postcard::to_extend(value, bytes).expect("what is sent can be serialized into memory")
}

/// The value that `bytes` stand for.
///
/// # Errors
/// [`Unreadable`] for another format, for bytes that are no `T`, and for bytes left over.
pub(super) fn decode<T: Wire>(bytes: &[u8]) -> Result<T, Unreadable> {
    match bytes.split_first() {
        Some((&FORMAT, body)) => match postcard::take_from_bytes(body) {
            Ok((value, [])) => Ok(value),
            _ => Err(Unreadable::Content),
        },
        other => Err(Unreadable::Format(other.map(|(format, _)| *format))),
    }
}

#[cfg(test)]
mod tests;
