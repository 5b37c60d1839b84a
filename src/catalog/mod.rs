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

/// The strong entity tag of a representation, quotes included: 128 bits of its hash. It derives
/// from content alone, so that every node gives the same one.
#[must_use]
pub fn etag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let hex = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    let digits = digest[..16].iter();
    let digits = digits.flat_map(|byte| [hex(byte >> 4), hex(byte & 0xf)]);
    std::iter::once('"').chain(digits).chain(['"']).collect()
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
