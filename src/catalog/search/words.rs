//! What a word is, for texts and queries alike: a run of letters and digits, in lower case.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Longer words are cut to this many characters, in texts and queries alike.
pub(super) const MAX_WORD: usize = 64;

/// The words of a text in order. No stemming, no stop words.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| {
            // Character by character, so that a prefix of a word is lowered as the word is.
            let lower = word.chars().flat_map(char::to_lowercase);
            lower.take(MAX_WORD).collect()
        })
}

/// [`words`] for the index. Positions and offsets are not kept, so none are given.
#[derive(Clone)]
pub(super) struct Words;

pub(super) struct Stream<'a> {
    words: Box<dyn Iterator<Item = String> + 'a>,
    token: Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = Stream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        Stream {
            words: Box::new(words(text)),
            token: Token::default(),
        }
    }
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else {
            return false;
        };
        self.token.text = word;
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_lower_case_runs_of_letters_and_digits_of_any_script() {
        let found: Vec<_> = words("  USB-C hub, 7\u{a0}PORTS: Écran ÄÖ 東京!").collect();
        assert_eq!(
            found,
            ["usb", "c", "hub", "7", "ports", "écran", "äö", "東京"]
        );
        assert_eq!(words("?! -- …").count(), 0);
    }

    #[test]
    fn long_words_are_cut() {
        let long = "é".repeat(500);
        let found: Vec<_> = words(&long).collect();
        assert_eq!(found, ["é".repeat(MAX_WORD)]);
    }
}
