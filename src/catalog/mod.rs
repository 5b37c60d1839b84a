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

use twox_hash::XxHash3_128;

/// The strong entity tag of a representation, quotes included: 128 bits of hash. It derives from
/// content alone, so that every node gives the same one. Who writes the catalogue could make two
/// states of it have one tag, and would deceive nobody else's clients.
#[must_use]
pub fn etag(body: &[u8]) -> String {
    format!("\"{:032x}\"", XxHash3_128::oneshot(body))
}

#[cfg(test)]
pub(crate) mod fixture;

#[cfg(test)]
mod tests {
    use super::etag;

    #[test]
    fn an_etag_is_128_bits_of_the_content() {
        assert_eq!(etag(b"abc"), "\"06b05ab6733a618578af5f94892f3950\"");
        assert_ne!(etag(b"abc"), etag(b"abd"));
    }
}
