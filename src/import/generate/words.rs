//! Words and chances, in whole numbers only: the same on every machine and in every version.

use sha2::{Digest, Sha256};

/// The word that every second product has. No other word begins with it: they begin with a
/// consonant.
pub(super) const HALF: &str = "everyday";

const WORDS: u64 = 20_000;
const CONSONANTS: &[u8; 16] = b"bdfgklmnprstvzjh";
const VOWELS: &[u8; 5] = b"aeiou";

/// Numbers that look random (SplitMix64).
pub(super) struct Draws(u64);

impl Draws {
    /// Those of one thing, whatever was drawn for others.
    pub(super) fn of(seed: u64, kind: &str, number: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_be_bytes());
        hash.update(number.to_be_bytes());
        hash.update(kind);
        let digest = hash.finalize();
        let state = digest
            .first_chunk()
            .map_or(0, |first| u64::from_be_bytes(*first));
        Self(state)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `0..bound`; 0 where that is empty.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// One of `0..bound`, small ones more often.
    pub(super) fn skewed(&mut self, bound: u64) -> u64 {
        self.below(bound).min(self.below(bound))
    }
}

/// Words and how often each is drawn: the one at rank r in proportion to 1/r.
#[derive(Clone, Debug)]
pub(super) struct Vocabulary {
    /// For each rank, the sum of the weights up to there.
    sums: Vec<u64>,
}

impl Vocabulary {
    pub(super) fn new() -> Self {
        let mut sum = 0;
        let weights = (1..=WORDS).map(|rank| (1 << 40) / rank);
        Self {
            sums: weights
                .map(|weight| {
                    sum += weight;
                    sum
                })
                .collect(),
        }
    }

    fn draw(&self, draws: &mut Draws) -> String {
        let all = self.sums.last().copied().unwrap_or(1);
        let point = draws.below(all);
        word(self.sums.partition_point(|sum| *sum <= point))
    }

    /// Some words, each with a capital.
    pub(super) fn title(&self, draws: &mut Draws, words: usize) -> String {
        let words: Vec<_> = (0..words).map(|_| capital(self.draw(draws))).collect();
        words.join(" ")
    }

    /// Some words, the first with a capital, with a full stop.
    pub(super) fn sentence(&self, draws: &mut Draws, words: usize) -> String {
        let words: Vec<_> = (0..words).map(|_| self.draw(draws)).collect();
        let mut sentence = capital(words.join(" "));
        sentence.push('.');
        sentence
    }
}

fn capital(mut text: String) -> String {
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// Three syllables; ranks that follow each other are far apart in the alphabet.
fn word(rank: usize) -> String {
    const SYLLABLES: usize = CONSONANTS.len() * VOWELS.len();
    // No factor in common with the number of words of three syllables: no two ranks share a word.
    let mut code = rank.wrapping_mul(200_003) % SYLLABLES.pow(3);
    let mut word = String::with_capacity(6);
    for _ in 0..3 {
        word.push(char::from(CONSONANTS[code % CONSONANTS.len()]));
        code /= CONSONANTS.len();
        word.push(char::from(VOWELS[code % VOWELS.len()]));
        code /= VOWELS.len();
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_rank_has_a_word_of_its_own() {
        let words: HashSet<_> = (0..20_000).map(word).collect();
        assert_eq!(words.len(), 20_000);
        assert!(words.iter().all(|word| !word.starts_with("lot0")));
    }

    #[test]
    fn frequent_words_are_drawn_more_often() {
        let (vocabulary, mut draws) = (Vocabulary::new(), Draws::of(1, "test", 0));
        let drawn: Vec<_> = (0..100_000).map(|_| vocabulary.draw(&mut draws)).collect();
        let count = |rank| drawn.iter().filter(|drawn| **drawn == word(rank)).count();
        let counts = [count(0), count(9), count(99)];
        // One tenth, one hundredth and one thousandth of the words, about.
        assert!((8_000..11_000).contains(&counts[0]), "{counts:?}");
        assert!((700..1_200).contains(&counts[1]), "{counts:?}");
        assert!((50..150).contains(&counts[2]), "{counts:?}");
    }
}
