//! What is for sale, in memory: a snapshot of the stored catalogue and its search index.
//!
//! Readers take the current [`View`] and keep it for a whole request, so that a page and its total
//! are of one state. [`Live::follow`] makes the next one of what the store's log tells. Nothing here
//! writes, and nothing here knows HTTP.

mod change;
mod live;
mod load;
mod order;
pub mod search;
mod slots;
mod snapshot;
mod tree;

pub use live::{Found, Live, LoadError, View};
pub use snapshot::{Listing, Snapshot};

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The strong entity tag of a representation, quotes included: 128 bits of its hash. It derives
/// from content alone, so that every node gives the same one.
#[must_use]
pub fn etag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let mut tag = String::with_capacity(34);
    tag.push('"');
    for byte in &digest[..16] {
        // Writing to a string cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

#[cfg(test)]
mod fixture;

#[cfg(test)]
mod tests {
    use super::etag;

    #[test]
    fn an_etag_is_128_bits_of_the_content() {
        assert_eq!(etag(b"abc"), "\"ba7816bf8f01cfea414140de5dae2223\"");
        assert_ne!(etag(b"abc"), etag(b"abd"));
    }
}
