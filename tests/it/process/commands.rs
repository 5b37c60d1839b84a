//! What the program says and does when it is started: help, refusals, the first administrator.

use super::api::Api;
use super::binary::{Finished, Shop, cartwright, finish};
use crate::app::SECRET;
use serde_json::json;
use std::process::Command;

/// The command must fail, and say why in one line on standard error alone.
fn refusal(command: &mut Command) -> String {
    let Finished {
        code,
        stdout,
        stderr,
    } = finish(command);
    assert!(
        code.is_some_and(|code| code != 0),
        "{code:?} {stdout} {stderr}"
    );
    assert_eq!(stdout, "");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let said = stderr.trim_end().strip_prefix("cartwright: ");
    said.unwrap_or_else(|| panic!("{stderr}")).to_owned()
}

#[test]
fn help_is_given() {
    for (args, expected) in [
        (&["--help"][..], "Without a command, cartwright serves."),
        (&["serve", "--help"], "CARTWRIGHT_ADMIN_PASSWORD"),
        (&["import", "--help"], "--currency"),
        (&["generate", "--help"], "--seed"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
    ] {
        let Finished {
            code,
            stdout,
            stderr,
        } = finish(&mut cartwright(args));
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{args:?}");
        assert!(stdout.contains(expected), "{args:?}: {stdout}");
    }
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused_in_one_line() {
    let shop = Shop::new();
    let store = shop.store();
    let weak = "x".repeat(31);
    let ops = ["--ops-listen", "off"];
    let local = ["--listen", "127.0.0.1:0"];
    let refused = |flags: &[&[&str]], variables: &[(&str, &str)]| {
        let mut command = cartwright(&["serve", "--store", &store]);
        for flags in flags {
            command.args(*flags);
        }
        refusal(command.envs(variables.iter().copied()))
    };
    for (said, expected) in [
        (refused(&[&["--listne", "x"]], &[]), "--listne"),
        (
            refused(&[], &[("CARTWRIGHT_LISTNE", "x")]),
            "CARTWRIGHT_LISTNE",
        ),
        (refused(&[&["--listen", "here"]], &[]), "'here'"),
        (
            refused(&[&local, &ops], &[("CARTWRIGHT_JWT_SECRET", &weak)]),
            "CARTWRIGHT_JWT_SECRET: the secret must",
        ),
        (
            refused(&[&["--listen", "0.0.0.0:0"], &ops], &[]),
            "set CARTWRIGHT_JWT_SECRET",
        ),
        (
            refused(
                &[&[
                    "--listen",
                    "127.0.0.1:8123",
                    "--ops-listen",
                    "127.0.0.1:8123",
                ]],
                &[],
            ),
            "CARTWRIGHT_LISTEN and CARTWRIGHT_OPS_LISTEN must differ",
        ),
        (refused(&[&["--store", "redis://here"]], &[]), "--store"),
        (
            refused(
                &[&local, &ops],
                &[("CARTWRIGHT_ADMIN_EMAIL", "root@example.com")],
            ),
            "CARTWRIGHT_ADMIN_PASSWORD",
        ),
        (
            refused(
                &[&local, &ops],
                &[
                    ("CARTWRIGHT_ADMIN_EMAIL", "root"),
                    ("CARTWRIGHT_ADMIN_PASSWORD", "long enough"),
                ],
            ),
            "CARTWRIGHT_ADMIN_EMAIL must be an e-mail address",
        ),
        (
            refused(
                &[&local, &ops],
                &[
                    ("CARTWRIGHT_ADMIN_EMAIL", "a@b.com"),
                    ("CARTWRIGHT_ADMIN_PASSWORD", "short"),
                ],
            ),
            "CARTWRIGHT_ADMIN_PASSWORD",
        ),
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(!said.contains(&weak) && !said.contains("short"), "{said}");
    }
    let server = shop.start(&["--demo-catalog", "off"]);
    let api = Api::of(&server.url);
    let listing = api.get("/catalog/products", None).await;
    assert_eq!(listing.body["meta"]["total_items"], 0, "nothing was loaded");
}

#[test]
fn a_store_that_a_server_holds_is_refused() {
    let shop = Shop::new();
    let server = shop.start(&["--log", "warn"]);
    let second = refusal(&mut shop.serve(&["--log", "warn"]));
    assert!(second.contains("is in use by another process"), "{second}");
    assert!(
        second.contains(&shop.data().display().to_string()),
        "{second}"
    );
    let file = shop.write("shop.ndjson", "");
    let store = shop.store();
    let import = ["import", "--log", "warn", "--store", &store];
    let import = refusal(cartwright(&import).arg(&file));
    assert!(import.contains("is in use by another process"), "{import}");
    server.stop();
}

#[test]
fn a_damaged_file_is_refused() {
    let shop = Shop::new();
    shop.start(&[]).stop();
    let file = shop.data().join("cartwright.redb");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[..64].fill(b'x');
    std::fs::write(&file, &bytes).unwrap();
    let said = refusal(&mut shop.serve(&["--log", "off"]));
    assert!(
        said.contains("cartwright.redb") && said.contains("is damaged"),
        "{said}"
    );
    assert_eq!(
        std::fs::read(&file).unwrap(),
        bytes,
        "it is left as it was found"
    );
}

#[test]
fn an_address_that_is_taken_is_refused() {
    let shop = Shop::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let store = shop.store();
    let serve = [
        "serve", "--log", "warn", "--listen", &address, "--store", &store,
    ];
    let said = refusal(&mut cartwright(&serve));
    assert!(
        said.contains(&format!("cannot listen on {address}")),
        "{said}"
    );
}

#[tokio::test]
async fn the_first_administrator_is_made_once() {
    let shop = Shop::new();
    let (email, password) = ("root@example.com", "a long pass phrase");
    let mut command = shop.serve(&[]);
    command
        .env("CARTWRIGHT_ADMIN_EMAIL", email)
        .env("CARTWRIGHT_ADMIN_PASSWORD", password);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let server = shop.started(&mut command);
        let api = Api::of(&server.url);
        let session = api.login(email, password).await;
        assert_eq!(session.status, 200, "{session:?}");
        let token = session.body["data"]["access_token"].as_str();
        let profile = api.get("/auth/profile", token).await;
        assert_eq!(profile.body["data"]["roles"], json!(["admin", "user"]));
        ids.push(profile.body["data"]["user"]["id"].clone());
        assert!(!server.log().contains(password) && !server.log().contains(SECRET));
        server.stop();
    }
    assert_eq!(ids[0], ids[1]);
    // Another password at a later start changes nothing.
    let server = shop.started(command.env("CARTWRIGHT_ADMIN_PASSWORD", "another pass phrase"));
    let api = Api::of(&server.url);
    assert_eq!(api.login(email, password).await.status, 200);
    assert_eq!(api.login(email, "another pass phrase").await.status, 401);
}

#[tokio::test]
async fn the_demo_catalogue_is_loaded_unless_it_is_off() {
    let products = |shop: &Shop, flags: &[&str]| {
        let server = shop.start(flags);
        async move {
            let listing = Api::of(&server.url).get("/catalog/products", None).await;
            server.stop();
            listing.body["meta"]["total_items"].as_u64().unwrap()
        }
    };
    let shop = Shop::new();
    assert_eq!(products(&shop, &["--demo-catalog", "off"]).await, 0);
    let with_demo = products(&shop, &[]).await;
    assert!(with_demo > 0);
    assert_eq!(products(&shop, &[]).await, with_demo);
    assert_eq!(products(&shop, &["--demo-catalog", "off"]).await, with_demo);
}

#[tokio::test]
async fn a_secret_is_made_once_where_none_is_given() {
    let shop = Shop::new();
    let mut command = shop.serve(&[]);
    command.env_remove("CARTWRIGHT_JWT_SECRET");
    let server = shop.started(&mut command);
    let token = Api::of(&server.url).token("ann@example.com").await;
    server.stop();
    let server = shop.started(&mut command);
    let profile = Api::of(&server.url)
        .get("/auth/profile", Some(&token))
        .await;
    assert_eq!(profile.status, 200, "{profile:?}");
    server.stop();
    // Under another secret the token is nobody's.
    let server = shop.start(&[]);
    let profile = Api::of(&server.url)
        .get("/auth/profile", Some(&token))
        .await;
    assert_eq!(profile.status, 401, "{profile:?}");
}
