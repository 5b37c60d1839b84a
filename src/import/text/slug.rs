//! Ids from names.

use crate::domain::ids::MAX_TEXT_ID;
use sha2::{Digest, Sha256};

/// The words of a text in lower case, joined by hyphens; empty where it has no letter or digit.
pub(in crate::import) fn slug(text: &str) -> String {
    let words = text
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase);
    fit(words.collect::<Vec<_>>().join("-"))
}

/// The text, or where that is too long for an id its beginning and a hash of the whole.
pub(in crate::import) fn fit(text: String) -> String {
    const HASH: usize = 17;
    if text.len() <= MAX_TEXT_ID {
        return text;
    }
    let end = text.floor_char_boundary(MAX_TEXT_ID - HASH);
    format!("{}-{}", &text[..end], fingerprint(&text))
}

/// Sixteen hexadecimal digits that differ where texts differ.
fn fingerprint(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_hyphenated_words_of_any_script() {
        assert_eq!(slug("Apparel & Accessories"), "apparel-accessories");
        assert_eq!(slug("  Größe: 40½ "), "größe-40½");
        assert_eq!(slug("&%"), "");
    }

    #[test]
    fn long_ids_are_cut_and_stay_apart() {
        let one = fit(format!("{}1", "ä".repeat(100)));
        let two = fit(format!("{}2", "ä".repeat(100)));
        assert!(one.len() <= MAX_TEXT_ID && one.starts_with('ä'));
        assert_ne!(one, two);
    }
}
