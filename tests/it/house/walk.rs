//! `README.md`: its walk-through, its login with Google and its three nodes, run line by line.

use super::{read, root, section};
use crate::cql;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Stands between the outputs of two steps.
const NEXT: &str = "=== next step ===";
/// How long the walk may take: a wait that does not end is a failure.
const PATIENCE: Duration = Duration::from_secs(180);

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

/// A `cargo` that runs the program that was built for this test, in place of `cargo run`; or the
/// one that CARTWRIGHT_TEST_PROGRAM names, which serves at CARTWRIGHT_TEST_SHOP.
fn stand_in(dir: &Path) {
    let program = std::env::var("CARTWRIGHT_TEST_PROGRAM")
        .unwrap_or_else(|_| env!("CARGO_BIN_EXE_cartwright").to_owned());
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
    walk("## A walk through the shop", &["bash", "curl"], 11);
}

#[test]
fn the_login_with_google_shows_what_it_says() {
    walk("## Login with Google", &["bash", "curl", "node", "npm"], 3);
}

#[test]
fn the_three_nodes_show_what_they_say() {
    let Some(server) = cql::server() else { return };
    let store = format!("scylla://{server}/{}", cql::unused());
    walk_with(
        "## Several nodes",
        &["bash", "curl"],
        5,
        &[("STORE", &store)],
    );
}

/// Runs the steps of a section, at least so many, where these programs are.
fn walk(heading: &str, needs: &[&str], least: usize) {
    walk_with(heading, needs, least, &[]);
}

/// The same, with these variables.
fn walk_with(heading: &str, needs: &[&str], least: usize, variables: &[(&str, &str)]) {
    if let Some(lacking) = needs.iter().find(|program| !has(program)) {
        assert!(
            std::env::var_os("CI").is_none(),
            "{heading} of README.md needs {lacking}"
        );
        eprintln!("SKIPPED: {heading} of README.md was not run, for want of {lacking}");
        return;
    }
    let manual = read("README.md");
    let steps = steps(&section(&manual, heading));
    assert!(steps.len() >= least);
    let shown = run(&steps, variables);
    let outputs: Vec<_> = shown.split(NEXT).collect();
    for (step, output) in steps.iter().zip(&outputs) {
        if let Some(line) = missing(&step.shown, output) {
            let typed = &step.typed;
            panic!("after\n{typed}\nREADME.md shows\n{line}\nbut it was\n{output}");
        }
    }
    assert_eq!(outputs.len(), steps.len() + 1, "it ended early:\n{shown}");
}

/// What the steps show, each with [`NEXT`] after it unless it failed.
fn run(steps: &[Step], variables: &[(&str, &str)]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    stand_in(&bin);
    for folder in ["src", "tests"] {
        symlink(root().join(folder), dir.path().join(folder)).unwrap();
    }
    let port = free_port();
    let shop = std::env::var("CARTWRIGHT_TEST_SHOP")
        .unwrap_or_else(|_| format!("http://127.0.0.1:{port}"));
    // What was started is ended, however the walk ends.
    let mut script =
        "set -euo pipefail\ntrap 'kill -9 ${SERVER:-} ${ISSUER:-} ${ONE:-} ${TWO:-} ${THREE:-} 2>/dev/null || true' EXIT\n"
            .to_owned();
    for step in steps {
        writeln!(script, "{}printf '{NEXT}'", step.typed).unwrap();
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("bash")
        .args(["-c", &script])
        .current_dir(dir.path())
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("SHOP", shop)
        .env("ISSUER_PORT", free_port().to_string())
        .env("PORTS", (20_000 + free_port() % 10_000).to_string())
        .envs(variables.iter().copied())
        .env("CARTWRIGHT_LISTEN", format!("127.0.0.1:{port}"))
        .env("CARTWRIGHT_OPS_LISTEN", "off")
        .env("CARTWRIGHT_LOG", "error")
        .env_remove("CARTWRIGHT_TEST_CQL")
        .env_remove("CARTWRIGHT_TEST_STORE")
        .env_remove("CARTWRIGHT_TEST_HISTORY")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut output = shell.stdout.take().unwrap();
    let (send, shown) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).unwrap();
        let _ = send.send(text);
    });
    let shown = shown.recv_timeout(PATIENCE);
    if shown.is_err() {
        let group = format!("-{}", shell.id());
        let _ = Command::new("kill").args(["-9", "--", &group]).status();
    }
    shell.wait().unwrap();
    shown.unwrap_or_else(|_| panic!("it did not end within {PATIENCE:?}"))
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
