//! `/metrics` of the program shows what `docs/metrics.md` lists, and nothing else.

use super::binary::{Shop, cartwright};
use super::keyspace::{free_port, migrate, with_store};
use crate::app::SECRET;
use crate::cql;
use crate::figures::Figures;
use crate::house::figures::listed;
use std::process::Command;

/// What a server shows that this command starts.
async fn shown(shop: &Shop, command: &mut Command) -> String {
    let operations = format!("127.0.0.1:{}", free_port());
    command.args(["--listen", "127.0.0.1:0", "--ops-listen", &operations]);
    let server = shop.started(command);
    let answer = reqwest::get(format!("http://{operations}/metrics")).await;
    let text = answer.unwrap().text().await.unwrap();
    server.stop();
    text
}

#[tokio::test]
async fn over_a_file_what_is_listed_is_shown() {
    let shop = Shop::new();
    let mut command = cartwright(&["serve", "--store", &shop.store()]);
    command.env("CARTWRIGHT_JWT_SECRET", SECRET);
    let text = shown(&shop, &mut command).await;
    assert_eq!(
        Figures::described(&text),
        listed(&["## Everywhere", "## Over a file"])
    );
    let figures = Figures::of(&text);
    assert!(figures.get("process_resident_memory_bytes") > 1e6);
    assert!(figures.get("process_start_time_seconds") > 1e9);
    // The demo catalogue was written.
    assert!(figures.get("cartwright_embedded_transaction_writes_count") > 0.0);
}

#[tokio::test]
async fn over_a_keyspace_what_is_listed_is_shown() {
    let Some(server) = cql::server() else { return };
    let (shop, keyspace) = (Shop::new(), cql::unused());
    assert_eq!(migrate(&server, &keyspace).code, Some(0));
    let text = shown(&shop, &mut with_store("serve", &server, &keyspace)).await;
    assert_eq!(
        Figures::described(&text),
        listed(&["## Everywhere", "## Over a keyspace"])
    );
    let figures = Figures::of(&text);
    assert_eq!(figures.get("cartwright_cluster_is_member"), 1.0);
    assert_eq!(figures.get("cartwright_cluster_members"), 1.0);
    assert!(figures.get("cartwright_cluster_lease_seconds") > 0.0);
    assert!(figures.get("cartwright_cql_connections") >= 1.0);
    let writes = r#"cartwright_cql_requests_total{cost="conditional_write"}"#;
    assert!(figures.get(writes) > 0.0);
}
