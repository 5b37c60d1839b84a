//! The project's own documents, held against its code.

pub mod figures;
mod guards;
mod imports;
mod logs;
mod manual;
mod walk;

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the project, by its path from the root.
fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The cells of the tables' rows in the section of a Markdown text that has this heading.
fn rows(markdown: &str, heading: &str) -> Vec<Vec<String>> {
    let lines = section(markdown, heading).into_iter();
    let rows = lines.filter_map(|line| line.trim().strip_prefix('|')?.strip_suffix('|'));
    rows.filter(|row| !row.trim_start().starts_with("--"))
        .map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// The lines from a heading to the next one as high or higher.
fn section<'a>(markdown: &'a str, heading: &str) -> Vec<&'a str> {
    let level = heading.chars().take_while(|c| *c == '#').count();
    let ends = |line: &&str| {
        let signs = line.chars().take_while(|c| *c == '#').count();
        (1..=level).contains(&signs) && line[signs..].starts_with(' ')
    };
    let mut in_code = false;
    let lines = markdown.lines().skip_while(|line| *line != heading).skip(1);
    let section: Vec<_> = lines
        .take_while(|line| {
            in_code ^= line.starts_with("```");
            in_code || !ends(line)
        })
        .collect();
    assert!(!section.is_empty(), "there is no section `{heading}`");
    section
}

/// The texts between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn a_section_ends_at_the_next_heading_of_its_level() {
    let text = "# A\n## B\n| `a` | b |\n|---|---|\n```sh\n# no heading\n```\n### C\n| `c` | `d` `e` |\n## D\n| f |";
    let found = rows(text, "## B");
    assert_eq!(found, [vec!["`a`", "b"], vec!["`c`", "`d` `e`"]]);
    assert_eq!(quoted(&found[1][1]), ["d", "e"]);
}
