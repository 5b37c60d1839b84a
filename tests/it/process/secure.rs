//! The program on a server that demands TLS, a certificate and a password, in a datacentre of its
//! own: with all of the settings it works, without one of them it says which.
//!
//! Runs where `CARTWRIGHT_TEST_SECURE` names the folder of such a node (`tests/cassandra/start`,
//! `SECURE=1`), in which `address` says where it answers.

use super::api::Api;
use super::binary::{Finished, Shop, cartwright, finish};
use crate::app::SECRET;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

const SERVE: [&str; 7] = [
    "serve",
    "--listen",
    "127.0.0.1:0",
    "--ops-listen",
    "off",
    "--rate-limit",
    "off",
];

/// Variables of the environment.
type Settings = BTreeMap<&'static str, String>;

struct Node {
    dir: PathBuf,
    address: String,
}

impl Node {
    fn given() -> Option<Self> {
        let Ok(dir) = std::env::var("CARTWRIGHT_TEST_SECURE") else {
            eprintln!("SKIPPED: CARTWRIGHT_TEST_SECURE names no node; `tests/run secure` does");
            return None;
        };
        let dir = PathBuf::from(dir);
        let address = std::fs::read_to_string(dir.join("address")).unwrap();
        let address = address.trim_end().to_owned();
        Some(Self { dir, address })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join("tls").join(name)
    }

    /// A session of the superuser.
    async fn session(&self) -> Session {
        let certificate = |name| CertificateDer::from_pem_file(self.file(name)).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate("ca.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.file("client.key")).unwrap();
        let tls = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificate("client.pem")], key);
        let builder = SessionBuilder::new()
            .known_node(&self.address)
            .user("cassandra", "cassandra")
            .tls_context(Some(Arc::new(tls.unwrap())));
        builder.build().await.unwrap()
    }

    /// All that the node demands. The first of the contact points is nobody.
    fn settings(&self, keyspace: &str, user: &str) -> Settings {
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let store = format!("scylla://{},{}/{keyspace}", nobody.unwrap(), self.address);
        let file = |name| self.file(name).display().to_string();
        Settings::from([
            ("CARTWRIGHT_JWT_SECRET", SECRET.to_owned()),
            ("CARTWRIGHT_STORE", store),
            ("CARTWRIGHT_STORE_USER", user.to_owned()),
            ("CARTWRIGHT_STORE_PASSWORD", user.to_owned()),
            ("CARTWRIGHT_STORE_CA", file("ca.pem")),
            ("CARTWRIGHT_STORE_CERTIFICATE", file("client.pem")),
            ("CARTWRIGHT_STORE_KEY", file("client.key")),
            ("CARTWRIGHT_STORE_DATACENTER", "eu".to_owned()),
            ("CARTWRIGHT_STORE_ONE_DATACENTER", "on".to_owned()),
        ])
    }
}

fn command(arguments: &[&str], settings: &Settings) -> Command {
    let mut command = cartwright(arguments);
    command.envs(settings);
    command
}

/// Makes the keyspace, and two users whose passwords are their names: `keeper` may what `migrate`
/// needs, `clerk` what `serve` and `import` need, and neither may anything else.
async fn prepare(session: &Session, keyspace: &str) {
    let make = format!(
        "CREATE KEYSPACE {keyspace} WITH replication = \
         {{'class': 'NetworkTopologyStrategy', 'eu': 1}}"
    );
    session.query_unpaged(make, ()).await.unwrap();
    for (user, permissions) in [
        ("keeper", &["SELECT", "MODIFY", "CREATE", "DROP"][..]),
        ("clerk", &["SELECT", "MODIFY"]),
    ] {
        let role = format!("CREATE ROLE {user} WITH PASSWORD = '{user}' AND LOGIN = true");
        session.query_unpaged(role, ()).await.unwrap();
        for permission in permissions {
            let grant = format!("GRANT {permission} ON KEYSPACE {keyspace} TO {user}");
            session.query_unpaged(grant, ()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_demands_everything_is_served_with_few_permissions() {
    let Some(node) = Node::given() else { return };
    let keyspace = "with_everything";
    prepare(&node.session().await, keyspace).await;

    let migrated = finish(&mut command(
        &["migrate"],
        &node.settings(keyspace, "keeper"),
    ));
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    let clerk = node.settings(keyspace, "clerk");
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/src/import/demo.ndjson");
    let imported = finish(&mut command(&["import", demo], &clerk));
    assert_eq!(imported.code, Some(0), "{imported:?}");

    let shop = Shop::new();
    let server = shop.started(&mut command(&SERVE, &clerk));
    let api = Api::of(&server.url);
    let token = api.token("ann@example.com").await;
    let item = serde_json::json!({"product_id": "prod-1", "quantity": 1});
    let added = api.post("/cart/items", Some(&token), item).await;
    assert_eq!(added.status, 200, "{added:?}");
    let order = api.order(&token).await;
    assert_eq!(order.status, 201, "{order:?}");
    server.stop();
}

#[test]
fn what_is_wrong_is_told_in_one_line() {
    let Some(node) = Node::given() else { return };
    let good = node.settings("nowhere", "cassandra");
    let with = |changes: &[(&'static str, &str)]| {
        let mut settings = good.clone();
        for (name, value) in changes {
            settings.insert(name, (*value).to_owned());
        }
        settings
    };
    let client = node.file("client.pem").display().to_string();
    let another_ca = with(&[("CARTWRIGHT_STORE_CA", &client)]);
    let password = with(&[("CARTWRIGHT_STORE_PASSWORD", "another")]);
    let nobody = with(&[("CARTWRIGHT_STORE_USER", "nobody")]);
    let without_user = without(&good, &["_USER", "_PASSWORD"]);
    let datacenter = with(&[("CARTWRIGHT_STORE_DATACENTER", "mars")]);
    let everywhere = with(&[
        ("CARTWRIGHT_STORE_DATACENTER", "mars"),
        ("CARTWRIGHT_STORE_ONE_DATACENTER", "off"),
    ]);
    let absent = "the datacentre mars does not exist: there is eu";
    for (settings, expected) in [
        (
            another_ca,
            "its certificate does not descend from those of the CA's file",
        ),
        (password, "the user or the password is wrong"),
        (nobody, "the user or the password is wrong"),
        (without_user, "it demands a user and a password"),
        (datacenter, absent),
        (everywhere, absent),
    ] {
        for arguments in [&["migrate"][..], &SERVE] {
            assert_refused(arguments, &settings, expected);
        }
    }
    // It is not always told why it ended the connection.
    assert_refused(
        &["migrate"],
        &without(&good, &["_CERTIFICATE", "_KEY"]),
        "it demands a certificate of ours",
    );
    let in_the_open = without(&good, &["_CA", "_CERTIFICATE", "_KEY"]);
    assert_refused(&["migrate"], &in_the_open, "perhaps it demands TLS");
    let told = waits(&in_the_open);
    assert!(told.contains("perhaps it demands TLS"), "{told}");
}

fn without(settings: &Settings, ends: &[&str]) -> Settings {
    let mut settings = settings.clone();
    settings.retain(|name, _| !ends.iter().any(|end| name.ends_with(end)));
    settings
}

/// It must end, with this in the one line that it writes.
fn assert_refused(arguments: &[&str], settings: &Settings, expected: &str) {
    let finished = finish(command(arguments, settings).args(["--log", "off"]));
    let Finished {
        code,
        stdout,
        stderr,
    } = &finished;
    assert_eq!((*code, stdout.as_str()), (Some(1), ""), "{finished:?}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.trim_end().ends_with(expected), "{stderr}");
}

/// What a server that waits says that it waits for.
fn waits(settings: &Settings) -> String {
    let mut command = command(&SERVE, settings);
    let mut server = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let told = lines.find(|line| line.as_ref().unwrap().contains("store.connect.failed"));
    server.kill().unwrap();
    server.wait().unwrap();
    told.expect("it ended").unwrap()
}
