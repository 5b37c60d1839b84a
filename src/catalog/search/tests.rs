use super::*;
use crate::catalog::fixture::{product, shop};
use crate::domain::catalog::Product;
use crate::domain::time::Timestamp;
use proptest::prelude::*;

fn snapshot(products: Vec<Product>) -> Snapshot {
    Snapshot::new(products, vec![], vec![], shop())
}

fn found(products: &[(&str, &str, &str)], keyword: &str) -> Vec<String> {
    let products = products
        .iter()
        .map(|(id, name, text)| product(id, name, text));
    let snapshot = snapshot(products.collect());
    let found = Search::build(&snapshot)
        .unwrap()
        .find(keyword, 0, 100)
        .unwrap();
    assert_eq!(found.total, found.places.len());
    let places = found.places.iter();
    places
        .map(|place| snapshot.at(*place).unwrap().id.to_string())
        .collect()
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
    let search = Search::build(&snapshot(vec![product("a", "A", "")])).unwrap();
    let longest = "a".repeat(MAX_KEYWORD);
    assert_eq!(search.find(&longest, 0, 1).unwrap().total, 0);
    let error = search.find(&format!("{longest}a"), 0, 1).unwrap_err();
    assert_eq!(error.to_string(), "keyword must be at most 256 characters");
    let words: Vec<_> = (0..17).map(|number| format!("w{number}")).collect();
    assert!(search.find(&words[..16].join(" "), 0, 1).is_ok());
    let error = search.find(&words.join(" "), 0, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "keyword must have at most 16 different words"
    );
}

#[test]
fn more_terms_share_a_prefix_than_an_expansion_limit_would_allow() {
    let products = (0..500).map(|n| product(&format!("p{n:03}"), &format!("ab{n}"), ""));
    let search = Search::build(&snapshot(products.collect())).unwrap();
    let found = search.find("ab", 0, 20).unwrap();
    assert_eq!((found.total, found.places.len()), (500, 20));
}

#[test]
fn pages_join_and_any_offset_is_safe() {
    let products = (0..50).map(|n| Product {
        created_at: Timestamp(n % 7),
        ..product(&format!("p{n:02}"), "same", "")
    });
    let snapshot = snapshot(products.collect());
    let search = Search::build(&snapshot).unwrap();
    let joined: Vec<u32> = (0..8)
        .flat_map(|page| search.find("same", page * 7, 7).unwrap().places)
        .collect();
    assert_eq!(joined, (0..50).collect::<Vec<_>>());
    for offset in [50, usize::MAX] {
        let beyond = search.find("same", offset, 100).unwrap();
        assert_eq!((beyond.places.len(), beyond.total), (0, 50));
    }
}

#[test]
fn an_empty_catalogue_is_searched() {
    let found = Search::build(&snapshot(vec![])).unwrap().find("x", 0, 10);
    assert_eq!(found.unwrap(), Found::default());
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
        let snapshot = snapshot(products.collect());
        let search = Search::build_with(&snapshot, threads).unwrap();
        for keyword in keywords {
            let expected = reference(&snapshot, &keyword);
            let found = search.find(&keyword, offset, 3).unwrap();
            prop_assert_eq!(found.total, expected.len());
            let page: Vec<_> = expected.into_iter().skip(offset).take(3).collect();
            prop_assert_eq!(found.places, page, "{}", keyword);
        }
    }
}
