//! What is logged has a name: lower-case words between dots, by which machines find it.

use super::root;
use std::fs;
use std::path::{Path, PathBuf};

const LEVELS: [&str; 5] = ["trace", "debug", "info", "warn", "error"];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// The messages of the events in a source, tests left out.
fn messages(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let starts = LEVELS.map(|level| format!("tracing::{level}!("));
    let events = starts.iter().flat_map(|start| code.split(start).skip(1));
    let calls = events.map(|event| event.split(");").next().unwrap());
    // The message is the last thing that is written.
    let messages = calls.filter_map(|call| call.rsplit('"').nth(1).map(str::to_owned));
    messages.collect()
}

fn is_name(message: &str) -> bool {
    let name = message.split(": ").next().unwrap();
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    name.contains('.') && name.split('.').all(is_word)
}

#[test]
fn every_event_has_a_dotted_name() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let mut count = 0;
    for file in files {
        for message in messages(&fs::read_to_string(&file).unwrap()) {
            assert!(is_name(&message), "{}: {message}", file.display());
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}

#[test]
fn a_message_is_found_and_judged() {
    let source = "tracing::warn!(%error, code = \"x\", \"store.reopen.failed\");\n\
                  tracing::info!(\n    \"Something went wrong\"\n);\n\
                  #[cfg(test)]\nmod tests { tracing::info!(\"quiet\"); }";
    let found = messages(source);
    assert_eq!(found, ["Something went wrong", "store.reopen.failed"]);
    assert_eq!(
        found.iter().map(|it| is_name(it)).collect::<Vec<_>>(),
        [false, true]
    );
    assert!(is_name(
        "app.admin.not_made: the account is no administrator's"
    ));
    assert!(!is_name("Store.Failed") && !is_name("failed") && !is_name("a..b"));
}
