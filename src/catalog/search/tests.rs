use super::*;
use crate::catalog::fixture::{product, shop};
use crate::catalog::snapshot::Snapshot;
use crate::domain::catalog::Product;
use crate::domain::time::Timestamp;
use proptest::prelude::*;
use std::sync::atomic::AtomicBool;

/// A snapshot and the index over it.
struct Indexed {
    snapshot: Snapshot,
    search: Search,
}

impl Indexed {
    fn new(products: impl IntoIterator<Item = Product>) -> Self {
        Self::with(products, 1)
    }

    fn with(products: impl IntoIterator<Item = Product>, threads: usize) -> Self {
        let products = products.into_iter().collect();
        let snapshot = Snapshot::new(products, vec![], vec![], shop());
        let going = AtomicBool::new(false);
        let indexer = Indexer::build_with(&snapshot, threads, &going).unwrap();
        let search = indexer.unwrap().search().unwrap();
        Self { snapshot, search }
    }

    /// Places in the listing, and the total.
    fn find(&self, text: &str, offset: usize, limit: usize) -> (Vec<u32>, usize) {
        let order = &self.snapshot.order;
        let keywords = Keywords::parse(text).unwrap();
        let (slots, total) = self.search.find(&keywords, order, offset, limit).unwrap();
        let places = slots.into_iter().map(|slot| order.rank(slot));
        (places.collect(), total)
    }

    fn at(&self, place: u32) -> &Product {
        let place = usize::try_from(place).unwrap();
        self.snapshot.listing().page(place, 1).next().unwrap()
    }
}

fn found(products: &[(&str, &str, &str)], keyword: &str) -> Vec<String> {
    let products = products.iter();
    let indexed = Indexed::new(products.map(|(id, name, text)| product(id, name, text)));
    let (places, total) = indexed.find(keyword, 0, 100);
    assert_eq!(total, places.len());
    let ids = places.iter().map(|place| indexed.at(*place).id.to_string());
    ids.collect()
}

#[test]
fn name_before_description_and_whole_word_before_prefix() {
    let products = [
        ("a", "Sleeve", "fits a laptop"),
        ("b", "Sleeve", "fits lap and desk"),
        ("c", "Laptop", ""),
        ("d", "Lap desk", ""),
        ("e", "Overlap", "unlapped"),
    ];
    assert_eq!(found(&products, "lap"), ["d", "c", "b", "a"]);
    assert_eq!(found(&products, "LAPTOP"), ["c", "a"]);
    assert!(found(&products, "laptops").is_empty());
}

#[test]
fn every_word_must_match_in_any_field_and_more_in_the_name_comes_first() {
    let products = [
        ("a", "Desk", "for a red lamp"),
        ("b", "Red lamp", ""),
        ("c", "Lamp", "red shade"),
        ("d", "Red", "no light"),
        ("e", "Redder lamps", "a red lamp"),
    ];
    assert_eq!(found(&products, "red lamp"), ["b", "e", "c", "a"]);
    assert_eq!(found(&products, "lamp red lamp RED"), ["b", "e", "c", "a"]);
}

#[test]
fn prefixes_of_any_script_match_by_character() {
    let products = [
        ("a", "Écran éclairé", ""),
        ("b", "東京タワー", ""),
        ("c", "Œuvre", "naïve"),
    ];
    assert_eq!(found(&products, "é"), ["a"]);
    assert_eq!(found(&products, "ÉCL"), ["a"]);
    assert_eq!(found(&products, "東"), ["b"]);
    assert_eq!(found(&products, "œ naï"), ["c"]);
    assert!(found(&products, "e").is_empty());
}

#[test]
fn a_query_without_a_word_finds_nothing() {
    let products = [("a", "Anything", "at all")];
    assert!(found(&products, "").is_empty());
    assert!(found(&products, " -*?\"+ ").is_empty());
}

#[test]
fn a_word_beyond_the_bound_matches_by_its_beginning() {
    let long = "x".repeat(200);
    assert_eq!(found(&[("a", &long, "")], &long), ["a"]);
    assert_eq!(found(&[("a", &long, "")], &"x".repeat(63)), ["a"]);
}

#[test]
fn queries_are_bounded() {
    let longest = "a".repeat(MAX_KEYWORD);
    assert!(Keywords::parse(&longest).is_ok());
    let error = Keywords::parse(&format!("{longest}a")).unwrap_err();
    assert_eq!(error.to_string(), "keyword must be at most 256 characters");
    let words: Vec<_> = (0..17).map(|number| format!("w{number}")).collect();
    assert!(Keywords::parse(&words[..16].join(" ")).is_ok());
    let error = Keywords::parse(&words.join(" ")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "keyword must have at most 16 different words"
    );
}

#[test]
fn more_terms_share_a_prefix_than_an_expansion_limit_would_allow() {
    let products = (0..500).map(|n| product(&format!("p{n:03}"), &format!("ab{n}"), ""));
    let (places, total) = Indexed::new(products).find("ab", 0, 20);
    assert_eq!((total, places.len()), (500, 20));
}

#[test]
fn pages_join_and_any_offset_is_safe() {
    let indexed = Indexed::new((0..50).map(|n| Product {
        created_at: Timestamp(n % 7),
        ..product(&format!("p{n:02}"), "same", "")
    }));
    let pages = (0..8).flat_map(|page| indexed.find("same", page * 7, 7).0);
    assert_eq!(pages.collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
    for offset in [50, usize::MAX] {
        assert_eq!(indexed.find("same", offset, 100), (vec![], 50));
    }
}

#[test]
fn an_empty_catalogue_is_searched() {
    assert_eq!(Indexed::new([]).find("x", 0, 10), (vec![], 0));
}

/// As many products as make a word broad; others match a rare one, and one that few share.
#[test]
fn broad_words_are_told_from_selective_ones() {
    let many = u32::try_from(SELECTIVE).unwrap();
    let name = |n: u32| match n {
        0..20 => "common rare".to_owned(),
        20..2_020 => format!("common many{n}"),
        _ => "common".to_owned(),
    };
    let products = (0..many).map(|n| product(&format!("p{n:05}"), &name(n), ""));
    let indexed = Indexed::new(products);
    let is_broad = |text: &str| {
        let (keywords, order) = (Keywords::parse(text).unwrap(), &indexed.snapshot.order);
        let found = indexed.search.find_selective(&keywords, order, 0, 100);
        let found = found.unwrap();
        let all = indexed.search.find(&keywords, order, 0, 100).unwrap();
        assert!(found.is_none() || found == Some(all), "{text}");
        found.is_none()
    };
    assert!(!is_broad("rare") && !is_broad("nowhere") && !is_broad("many99"));
    assert!(is_broad("common") && is_broad("c") && is_broad("common rare"));
    assert!(is_broad("many"), "so many terms take time too");
    assert_eq!(indexed.find("rare", 0, 100), ((0..20).collect(), 20));
    assert_eq!(indexed.find("common rare", 0, 100).1, 20);
    assert_eq!(indexed.find("co", 7, 2), (vec![7, 8], 4_096));
    assert_eq!(indexed.find("many", 0, 1), (vec![20], 2_000));
}

/// What the index must agree with, by going through everything.
fn reference(snapshot: &Snapshot, keyword: &str) -> Vec<u32> {
    let query: BTreeSet<String> = words(keyword).collect();
    let mut hits: Vec<(usize, usize, u32)> = Vec::new();
    'products: for (place, product) in (0..).zip(snapshot.listing().page(0, usize::MAX)) {
        let (mut named, mut whole) = (0, 0);
        for word in &query {
            let best = |text: &str| {
                let begun = words(text).filter(|other| other.starts_with(word.as_str()));
                begun.map(|other| other == *word).max()
            };
            let (name, description) = (best(&product.name), best(&product.description));
            named += usize::from(name.is_some());
            match name.or(description) {
                Some(exact) => whole += usize::from(exact),
                None => continue 'products,
            }
        }
        if !query.is_empty() {
            hits.push((named, whole, place));
        }
    }
    hits.sort_by_key(|(named, whole, place)| (usize::MAX - named, usize::MAX - whole, *place));
    hits.into_iter().map(|(_, _, place)| place).collect()
}

fn text(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec("[abAé]{1,3}", 0..most).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn agrees_with_going_through_everything(
        texts in prop::collection::vec((text(4), text(6), 0..3i64), 0..12),
        keywords in prop::collection::vec(text(4), 1..6),
        threads in 1..4usize,
        offset in 0..4usize,
    ) {
        let products = texts.iter().enumerate().map(|(index, (name, description, created))| Product {
            created_at: Timestamp(*created),
            ..product(&format!("p{index}"), name, description)
        });
        let indexed = Indexed::with(products, threads);
        for keyword in keywords {
            let expected = reference(&indexed.snapshot, &keyword);
            let (places, total) = indexed.find(&keyword, offset, 3);
            prop_assert_eq!(total, expected.len());
            let page: Vec<_> = expected.into_iter().skip(offset).take(3).collect();
            prop_assert_eq!(places, page, "{}", keyword);
        }
    }
}
