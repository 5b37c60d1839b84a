//! The program on a keyspace: migrated first, waited for where it is away, nobody else's.

use super::api::Api;
use super::binary::{Finished, Shop, cartwright, finish};
use crate::app::SECRET;
use crate::cql;
use reqwest::Client;
use std::io;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;
use tokio::time::{sleep, timeout};

pub(super) fn with_store(command: &str, server: &str, keyspace: &str) -> Command {
    let store = format!("scylla://{server}/{keyspace}");
    let mut command = cartwright(&[command, "--store", &store]);
    command.env("CARTWRIGHT_JWT_SECRET", SECRET);
    command
}

/// The command that serves the keyspace at this address.
fn serve(server: &str, keyspace: &str, listen: &str) -> Command {
    let mut command = with_store("serve", server, keyspace);
    command.args(["--listen", listen, "--ops-listen", "off"]);
    command.args(["--rate-limit", "off"]);
    command
}

pub(super) fn migrate(server: &str, keyspace: &str) -> Finished {
    let mut command = with_store("migrate", server, keyspace);
    finish(command.args(["--store-replication", "1"]))
}

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Passes connections to `port` on to `server`, from now on.
async fn pass_on(port: u16, server: String) -> io::Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (mut here, _) = listener.accept().await?;
        let server = server.clone();
        tokio::spawn(async move {
            let mut there = tokio::net::TcpStream::connect(server).await?;
            tokio::io::copy_bidirectional(&mut here, &mut there).await
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keyspace_is_migrated_served_and_found_again() {
    let Some(server) = cql::server() else { return };
    let (keyspace, local) = (cql::unused(), "127.0.0.1:0");
    let shop = Shop::new();

    let refused = finish(&mut serve(&server, &keyspace, local));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let lacks = format!(
        "cartwright: the keyspace {keyspace} lacks 0001_partitions of the schema: run `cartwright \
         migrate`\n"
    );
    assert!(refused.stderr.ends_with(&lacks), "{refused:?}");

    let migrated = migrate(&server, &keyspace);
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    let last = format!("{keyspace}: 0005_nodes applied\n");
    assert!(migrated.stdout.ends_with(&last), "{migrated:?}");
    let again = migrate(&server, &keyspace);
    assert_eq!(again.stdout, format!("{keyspace}: nothing to do\n"));

    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/src/import/demo.ndjson");
    let imported = finish(with_store("import", &server, &keyspace).arg(demo));
    assert_eq!(imported.code, Some(0), "{imported:?}");

    let first = shop.started(&mut serve(&server, &keyspace, local));
    let token = Api::of(&first.url).token("ann@example.com").await;
    let item = serde_json::json!({"product_id": "prod-1", "quantity": 1});
    let api = Api::of(&first.url);
    let added = api.post("/cart/items", Some(&token), item).await;
    assert_eq!(added.status, 200, "{added:?}");
    first.stop();

    let second = shop.started(&mut serve(&server, &keyspace, local));
    let cart = Api::of(&second.url).get("/cart", Some(&token)).await;
    assert_eq!(cart.body["data"]["items"][0]["product_id"], "prod-1");
    let order = Api::of(&second.url).order(&token).await;
    assert_eq!(order.status, 201, "{order:?}");
    second.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keyspace_of_a_node_that_nobody_reaches_is_its_alone() {
    let Some(server) = cql::server() else { return };
    let (keyspace, local) = (cql::unused(), "127.0.0.1:0");
    assert_eq!(migrate(&server, &keyspace).code, Some(0));
    let shop = Shop::new();
    let named = |name: &str| {
        let mut command = serve(&server, &keyspace, local);
        command.args(["--node-name", name, "--cluster-detection", "3s"]);
        command
    };
    let first = shop.started(&mut named("the first"));
    let second = finish(&mut named("the second"));
    assert_eq!(second.code, Some(1), "{second:?}");
    let held = "cartwright: the store is served by the first, and nodes serve one together only if \
                each says where the others reach it\n";
    assert!(second.stderr.ends_with(held), "{second:?}");
    first.stop();
    // Nobody has to be waited for.
    shop.started(&mut named("the third")).stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_waited_for() {
    let Some(server) = cql::server() else { return };
    let keyspace = cql::unused();
    assert_eq!(migrate(&server, &keyspace).code, Some(0));
    let (port, cql_port) = (free_port(), free_port());
    let listen = format!("127.0.0.1:{port}");
    let nobody = format!("127.0.0.1:{cql_port}");
    let shop = Shop::new();
    let mut command = serve(&nobody, &keyspace, &listen);
    let starting = tokio::task::spawn_blocking(move || (shop.started(&mut command), shop));

    let client = Client::new();
    let status = async |path: &str| {
        let answer = client.get(format!("http://{listen}{path}")).send().await;
        answer.map_or(0, |answer| answer.status().as_u16())
    };
    let becomes = async |path: &str, expected: u16| {
        let asking = async {
            while status(path).await != expected {
                sleep(Duration::from_millis(50)).await;
            }
        };
        let told = format!("{path} never was {expected}");
        timeout(Duration::from_secs(60), asking).await.expect(&told);
    };
    becomes("/ready", 503).await;
    assert_eq!(status("/health").await, 200);
    assert_eq!(status("/api/v1/catalog/products").await, 503);

    let passing = tokio::spawn(pass_on(cql_port, server));
    becomes("/ready", 200).await;
    let (running, _shop) = starting.await.unwrap();
    assert!(running.log().contains("store.connect.failed"));
    assert_eq!(status("/api/v1/catalog/products").await, 200);
    passing.abort();
    running.stop();
}
