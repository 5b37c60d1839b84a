//! `load-tests/run`, with either tool, at a server of its own.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The program of this package.
const GOOSE: &str = env!("CARGO_BIN_EXE_cartwright-goose");

fn load_tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The server that was built with the workspace, if it was.
fn server() -> Option<PathBuf> {
    let server = Path::new(GOOSE).with_file_name("cartwright");
    let is_there = server.exists();
    if !is_there {
        eprintln!(
            "SKIPPED: {} is not there; cargo build makes it",
            server.display()
        );
    }
    is_there.then_some(server)
}

/// Whether it runs at all.
fn has(program: &str, argument: &str) -> bool {
    let ran = Command::new(program)
        .arg(argument)
        .stdout(Stdio::null())
        .status();
    ran.is_ok_and(|status| status.success())
}

/// Whether there is a k6 that the script finds.
fn has_k6() -> bool {
    let path = Command::new("go").args(["env", "GOPATH"]).output();
    let built = path.is_ok_and(|path| {
        let path = String::from_utf8(path.stdout).unwrap();
        Path::new(path.trim()).join("bin/k6").exists()
    });
    built || has("k6", "version")
}

/// A few customers for a few seconds. Returns what is said, and what there is of it.
fn run(tool: &str, scenario: &str, server: &Path) -> (Output, bool) {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("out");
    let mut command = Command::new(load_tests().join("run"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARTWRIGHT_")) {
        command.env_remove(name);
    }
    let settings = [
        ("USERS", "4"),
        ("RATE", "20"),
        ("DURATION", "4"),
        ("PRODUCTS", "50"),
    ];
    // How long answers take, and whether the rate is kept, is up to a machine that tests a lot.
    let patience = [("P95", "60000"), ("DROPPED", "100")];
    let done = command
        .args([tool, scenario])
        .envs(settings.into_iter().chain(patience))
        .env("OUT", &folder)
        .env("SERVER", server)
        .env("GOOSE", GOOSE)
        .output()
        .unwrap();
    (done, folder.join("report.html").exists())
}

fn holds(tool: &str, scenario: &str) {
    let Some(server) = server() else { return };
    let (
        Output {
            status,
            stdout,
            stderr,
        },
        has_report,
    ) = run(tool, scenario, &server);
    let (stdout, stderr) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    assert!(status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("verdict: nothing was lost"), "{stdout}");
    assert!(has_report, "{stdout}");
}

#[test]
fn customers_of_goose_lose_nothing() {
    holds("goose", "mixed");
}

#[test]
fn customers_of_k6_lose_nothing() {
    if has_k6() {
        holds("k6", "checkout");
    } else {
        eprintln!("SKIPPED: there is no k6; only the syntax of its scripts is checked");
    }
}

#[test]
fn scripts_of_k6_are_modules() {
    if !has("node", "--version") {
        eprintln!("SKIPPED: the syntax of k6's scripts was not checked, for want of Node.js");
        return;
    }
    let mut checked = 0;
    for entry in std::fs::read_dir(load_tests().join("k6")).unwrap() {
        let script = std::fs::File::open(entry.unwrap().path()).unwrap();
        let check = ["--input-type=module", "--check"];
        let status = Command::new("node").args(check).stdin(script).status();
        assert!(status.unwrap().success());
        checked += 1;
    }
    assert!(checked > 5);
}
