//! `cartwright health`, and signals to a process that waits for its store.

use super::binary::{Shop, cartwright, finish};
use crate::app::SECRET;
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};

/// How `health` with these flags ended, and the one line that it said.
fn health(listen: &str, flags: &[&str]) -> (Option<i32>, String) {
    let asked = ["health", "--listen", listen, "--ops-listen", "off"];
    let ended = finish(cartwright(&asked).args(flags));
    let said = match ended.code {
        Some(0) => ended.stdout,
        _ => ended.stderr,
    };
    assert_eq!(said.lines().count(), 1, "{said}");
    (ended.code, said)
}

fn signal(child: &Child, name: &str) {
    let kill = format!("kill -s {name} {}", child.id());
    let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(status.success());
}

/// A node that takes connections and says nothing.
fn silent_node() -> (TcpListener, String) {
    let node = TcpListener::bind("127.0.0.1:0").unwrap();
    let store = format!("scylla://{}/shop", node.local_addr().unwrap());
    (node, store)
}

fn spawned(command: &mut Command) -> Child {
    command
        .env("CARTWRIGHT_JWT_SECRET", SECRET)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_server_that_serves_is_well_and_ready_until_it_is_gone() {
    let shop = Shop::new();
    let server = shop.start(&[]);
    let address = server.address().to_owned();
    let (code, said) = health(&address, &[]);
    assert_eq!(said, format!("{}/health answers 200 OK\n", server.url));
    assert_eq!(code, Some(0));
    let (code, said) = health(&address, &["--ready"]);
    assert_eq!(said, format!("{}/ready answers 200 OK\n", server.url));
    assert_eq!(code, Some(0));
    server.stop();
    let (code, said) = health(&address, &[]);
    let expected = format!("cartwright: http://{address}/health does not answer: ");
    assert!(
        said.starts_with(&expected) && said.contains("refused"),
        "{said}"
    );
    assert_eq!(code, Some(1));
}

#[test]
fn a_server_that_waits_for_its_store_lives_is_not_ready_and_can_be_stopped() {
    let (node, store) = silent_node();
    for name in ["TERM", "INT"] {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let serve = ["serve", "--store", &store, "--listen", &address];
        let child = spawned(cartwright(&serve).args(["--ops-listen", "off"]));
        // It listens by the time that it looks for its store.
        let _connection = node.accept().unwrap();
        assert_eq!(health(&address, &[]).0, Some(0));
        let (code, said) = health(&address, &["--ready"]);
        assert_eq!(
            said,
            format!("cartwright: http://{address}/ready answers 503 Service Unavailable\n")
        );
        assert_eq!(code, Some(1));
        signal(&child, name);
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        assert_eq!(status.code(), Some(0), "{stderr:?}");
    }
}

#[test]
fn a_command_that_is_told_to_stop_ends_and_says_so() {
    let (node, store) = silent_node();
    for name in ["TERM", "INT"] {
        let child = spawned(&mut cartwright(&["migrate", "--store", &store]));
        let _connection = node.accept().unwrap();
        signal(&child, name);
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        let said = String::from_utf8(stderr).unwrap();
        assert!(
            said.ends_with("cartwright: ended by a signal before it was done\n"),
            "{said}"
        );
        assert_eq!(status.code(), Some(1));
    }
}
