//! `README.md`: its walk-through, run line by line.

use super::{read, section};
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a reader types, and what the manual says that it shows.
struct Step {
    typed: String,
    shown: Vec<String>,
}

/// The `sh` blocks of a section, each with the `text` block that follows it.
fn steps(lines: &[&str]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut block = None;
    for line in lines {
        match (block, line.strip_prefix("```")) {
            (None, Some(language)) => {
                block = Some(language);
                if language == "sh" {
                    let (typed, shown) = (String::new(), Vec::new());
                    steps.push(Step { typed, shown });
                }
            }
            (Some(_), Some(_)) => block = None,
            (Some("sh"), None) => {
                let step = steps.last_mut().unwrap();
                writeln!(step.typed, "{line}").unwrap();
            }
            (Some("text"), None) => steps.last_mut().unwrap().shown.push((*line).to_owned()),
            _ => {}
        }
    }
    steps
}

/// The first line, from the start of `output`, that does not come in it after those before; `…`
/// stands for anything.
fn missing<'a>(shown: &'a [String], output: &str) -> Option<&'a str> {
    let mut rest = output;
    for line in shown {
        for part in line.split('…').filter(|part| !part.is_empty()) {
            match rest.split_once(part) {
                Some((_, after)) => rest = after,
                None => return Some(line),
            }
        }
    }
    None
}

/// A `cargo` that runs the program that was built for this test, in place of `cargo run`.
fn stand_in(dir: &Path) {
    let program = env!("CARGO_BIN_EXE_cartwright");
    let script = format!(
        "#!/bin/sh\nwhile [ $# -gt 0 ] && [ \"$1\" != -- ]; do shift; done\n\
         [ $# -gt 0 ] && shift\nexec '{program}' \"$@\"\n"
    );
    let path = dir.join("cargo");
    fs::write(&path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn has(program: &str) -> bool {
    let ran = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    ran.is_ok_and(|status| status.success())
}

#[test]
fn the_walk_through_shows_what_it_says() {
    if let Some(lacking) = ["bash", "curl"].into_iter().find(|program| !has(program)) {
        assert!(
            std::env::var_os("CI").is_none(),
            "the walk-through needs {lacking}"
        );
        eprintln!("SKIPPED: the walk-through of README.md was not run, for want of {lacking}");
        return;
    }
    let manual = read("README.md");
    let steps = steps(&section(&manual, "## A walk through the shop"));
    assert!(steps.len() > 10);
    let outputs = run(&steps);
    for (step, output) in steps.iter().zip(&outputs) {
        if let Some(line) = missing(&step.shown, output) {
            panic!(
                "after\n{}\nREADME.md shows\n{line}\nbut it was\n{output}",
                step.typed
            );
        }
    }
    assert_eq!(
        outputs.len(),
        steps.len(),
        "it ended after\n{}",
        outputs.last().unwrap()
    );
}

/// What each step shows, up to the first that fails.
fn run(steps: &[Step]) -> Vec<String> {
    const NEXT: &str = "=== next step ===\n";
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    stand_in(&bin);
    let port = free_port();
    // Ends what the walk started, however it ends.
    let mut script =
        "set -euo pipefail\ntrap 'kill -9 \"${SERVER:-}\" 2>/dev/null || true' EXIT\n".to_owned();
    for step in steps {
        write!(script, "{}printf '{}\\n'\n", step.typed, NEXT.trim_end()).unwrap();
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("bash")
        .args(["-c", &script])
        .current_dir(dir.path())
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("SHOP", format!("http://127.0.0.1:{port}"))
        .env("CARTWRIGHT_LISTEN", format!("127.0.0.1:{port}"))
        .env("CARTWRIGHT_OPS_LISTEN", "off")
        .env("CARTWRIGHT_LOG", "error")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = String::new();
    shell
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut output)
        .unwrap();
    let _ = shell.wait().unwrap();
    let mut outputs: Vec<_> = output.split(NEXT).map(str::to_owned).collect();
    if outputs.last().is_some_and(String::is_empty) {
        outputs.pop();
    }
    outputs
}

#[test]
fn what_is_shown_must_come_in_its_order() {
    let shown = ["a…c".to_owned(), "d".to_owned()];
    assert_eq!(missing(&shown, "xa--c\nd"), None);
    assert_eq!(missing(&shown, "d\nabc"), Some("d"));
    assert_eq!(missing(&shown, "ab"), Some("a…c"));
    let lines = [
        "text", "```sh", "one", "two", "```", "so:", "```text", "a…c", "```", "```sh", "```",
    ];
    let found = steps(&lines);
    assert_eq!((found.len(), &*found[0].typed), (2, "one\ntwo\n"));
    assert_eq!(found[0].shown, ["a…c"]);
}
