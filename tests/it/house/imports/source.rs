//! Reads Rust as far as module paths go: which top-level modules a file names, and which modules
//! it declares. What stands under `#[cfg(test)]` is left out.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::Chars;

/// What was found in a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scanned {
    /// Modules at the top of the crate that it names by `crate::` or `super::`.
    pub(super) imports: BTreeSet<String>,
    /// Modules that it declares and that have a file of their own.
    pub(super) modules: Vec<String>,
}

/// Scans the file of the module at this path.
pub(super) fn scan(source: &str, path: &[String]) -> Scanned {
    let tokens = without_tests(&tokens(source));
    let mut scanned = Scanned::default();
    // The modules around a token: the file's own, and those that are written out in it.
    let mut around = path.len();
    let mut braces = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let before = |back: usize| at.checked_sub(back).map_or("", |at| &*tokens[at]);
        match token.as_str() {
            "{" => {
                let opens_module = before(2) == "mod";
                around += usize::from(opens_module);
                braces.push(opens_module);
            }
            "}" => around -= usize::from(braces.pop().unwrap_or(false)),
            ";" if before(2) == "mod" => scanned.modules.push(before(1).to_owned()),
            "crate" | "super" if before(1) != "::" => {
                scanned.imports.extend(named(&tokens[at..], around));
            }
            _ => {}
        }
    }
    scanned
}

/// The top-level modules that a path names which begins with `crate` or `super`, written inside
/// so many modules.
fn named(path: &[String], around: usize) -> Vec<String> {
    let mut rest = path;
    let mut left = if path[0] == "crate" { 0 } else { around };
    while let [step, tail @ ..] = rest
        && (step == "super" || step == "crate" || step == "::")
    {
        left = left.saturating_sub(usize::from(step == "super"));
        rest = tail;
    }
    match rest {
        _ if left > 0 => Vec::new(),
        [open, inside @ ..] if open == "{" => group(inside),
        [name, ..] if is_name(name) => vec![name.clone()],
        _ => Vec::new(),
    }
}

/// The first names of the paths in a group.
fn group(tokens: &[String]) -> Vec<String> {
    let (mut depth, mut begins, mut names) = (0, true, Vec::new());
    for token in tokens {
        match token.as_str() {
            "}" if depth == 0 => break,
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 0 => begins = true,
            name if begins => {
                names.extend(is_name(name).then(|| name.to_owned()));
                begins = false;
            }
            _ => {}
        }
    }
    names
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn without_tests(tokens: &[String]) -> Vec<String> {
    let attribute = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut rest) = (Vec::new(), tokens);
    while let [first, tail @ ..] = rest {
        if rest.len() >= attribute.len() && rest.iter().zip(attribute).all(|(a, b)| a == b) {
            rest = after_item(&rest[attribute.len()..]);
        } else {
            kept.push(first.clone());
            rest = tail;
        }
    }
    kept
}

/// What follows the item, with its attributes, that these tokens begin with.
fn after_item(tokens: &[String]) -> &[String] {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return &tokens[at + 1..];
                }
            }
            ";" if depth == 0 => return &tokens[at + 1..],
            _ => {}
        }
    }
    &[]
}

/// Names, `::` and single signs; comments, texts and characters are left out.
fn tokens(source: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => skip_to(&mut chars, "\n"),
            '/' if chars.peek() == Some(&'*') => skip_to(&mut chars, "*/"),
            '"' => skip_text(&mut chars),
            '\'' => skip_character(&mut chars),
            ':' if chars.next_if_eq(&':').is_some() => tokens.push("::".to_owned()),
            c if c.is_alphanumeric() || c == '_' => {
                let mut name = c.to_string();
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                if !(name.ends_with('r') && skip_raw_text(&mut chars)) {
                    tokens.push(name);
                }
            }
            c if c.is_whitespace() => {}
            c => tokens.push(c.to_string()),
        }
    }
    tokens
}

fn skip_to(chars: &mut Peekable<Chars<'_>>, end: &str) {
    let mut seen = String::new();
    while !seen.ends_with(end)
        && let Some(c) = chars.next()
    {
        seen.push(c);
    }
}

fn skip_text(chars: &mut Peekable<Chars<'_>>) {
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '"' => return,
            _ => {}
        }
    }
}

/// A character, unless it is a lifetime.
fn skip_character(chars: &mut Peekable<Chars<'_>>) {
    let mut ahead = chars.clone();
    match (ahead.next(), ahead.next()) {
        (Some('\\'), _) => {
            chars.nth(1);
            skip_to(chars, "'");
        }
        (Some(_), Some('\'')) => drop(chars.nth(1)),
        _ => {}
    }
}

/// What follows `r`, if that is a text.
fn skip_raw_text(chars: &mut Peekable<Chars<'_>>) -> bool {
    let signs = chars.clone().take_while(|c| *c == '#').count();
    if chars.clone().nth(signs) != Some('"') {
        return false;
    }
    chars.nth(signs);
    skip_to(chars, &format!("\"{}", "#".repeat(signs)));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(source: &str, path: &[&str]) -> Vec<String> {
        let path: Vec<_> = path.iter().map(|name| (*name).to_owned()).collect();
        scan(source, &path).imports.into_iter().collect()
    }

    #[test]
    fn paths_from_the_top_are_found_wherever_they_stand() {
        assert_eq!(imports("use crate::store::Error;", &["http"]), ["store"]);
        let grouped = "use crate::{self as us, actors::{user, stock}, http::json as j, store};";
        assert_eq!(
            imports(grouped, &["app"]),
            ["actors", "http", "self", "store"]
        );
        let inline = "fn f() -> crate::store::Result<()> { $crate::domain::x!() }";
        assert_eq!(imports(inline, &["http"]), ["domain", "store"]);
        assert_eq!(
            imports("pub(in crate::import) fn f() {}", &["import"]),
            ["import"]
        );
        assert_eq!(imports("pub(crate) struct A;", &["import"]), [""; 0]);
    }

    #[test]
    fn super_counts_when_it_leaves_the_module() {
        let source = "use super::super::store::Error; use super::json;";
        assert_eq!(imports(source, &["http", "auth"]), ["store"]);
        assert_eq!(imports(source, &["http", "filters", "limits"]), [""; 0]);
        assert_eq!(
            imports("use super::{store, domain::x};", &["http"]),
            ["domain", "store"]
        );
        let inside = "mod a { use super::b; use super::super::store; } use super::http;";
        assert_eq!(imports(inside, &["app"]), ["http", "store"]);
    }

    #[test]
    fn texts_comments_and_tests_do_not_count() {
        for source in [
            "// use crate::store;\n/// [`crate::store`]\nfn f() {}",
            "/* crate::store */ const A: &str = \"crate::store \\\" crate::http\";",
            "const A: &str = r#\"crate::store \" crate::http\"#; const B: char = '\"';",
            "#[cfg(test)] mod tests { use crate::store; fn f() {} }",
            "#[cfg(test)] use crate::store; #[cfg(test)] #[path = \"x\"] mod tests;",
            "#[cfg(test)] fn f(a: [u8; 2]) -> crate::store::A { crate::http::b() }",
        ] {
            assert_eq!(
                scan(source, &["app".to_owned()]),
                Scanned::default(),
                "{source}"
            );
        }
        let after = "#[cfg(test)] mod tests { fn f<'a>(c: char) { c == '{' } } use crate::store;";
        assert_eq!(imports(after, &["app"]), ["store"]);
    }

    #[test]
    fn modules_with_a_file_are_listed() {
        let source = "pub mod a; mod b { fn c() {} } #[cfg(test)] mod tests; pub(crate) mod d;";
        assert_eq!(scan(source, &[]).modules, ["a", "d"]);
    }
}
