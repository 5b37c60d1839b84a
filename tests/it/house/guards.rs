//! `ARCHITECTURE.md` names the tests that guard each invariant: they exist.

use super::{quoted, read, root, rows};
use std::fs;
use std::path::Path;

/// All Rust sources below a folder, in one.
fn sources(dir: &Path, into: &mut String) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// Whether a test is defined: as a function, or as an entry of a macro that makes functions.
fn is_defined(name: &str, sources: &str) -> bool {
    sources.contains(&format!("fn {name}(")) || sources.contains(&format!("\n    {name}: "))
}

#[test]
fn every_guard_that_is_named_exists() {
    let (mut all, text) = (String::new(), read("ARCHITECTURE.md"));
    sources(&root().join("src"), &mut all);
    sources(&root().join("tests"), &mut all);
    let table = rows(&text, "## Invariants");
    assert!(table.len() > 10);
    for row in &table[1..] {
        let guards = quoted(&row[1]);
        assert!(!guards.is_empty(), "nothing guards it: {}", row[0]);
        for guard in guards {
            assert!(is_defined(guard, &all), "there is no test {guard}");
        }
    }
}

#[test]
fn a_test_is_a_function_or_an_entry_of_a_macro() {
    let source = "fn one() {}\ngolden! {\n    two: three => 4;\n}";
    assert!(is_defined("one", source) && is_defined("two", source));
    assert!(!is_defined("three", source) && !is_defined("on", source));
}
