//! What one node changes of the roles holds on the others, soon where it is asked about and at
//! once where it is relied on.

use super::{ADMIN_FLAGS, Office, Person, code, log_in, permission_id};
use crate::api::shop::import;
use crate::app::{TestApp, TestStore};
use crate::cql::{self, Keyspace};
use cartwright::sources::SystemClock;
use cartwright::store::fault::{Fault, FaultPlan, FaultyStore, Op};
use cartwright::store::memory::MemoryStore;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Asks until the status is this one.
async fn eventually(office: &Office, who: &Person, path: &str, status: u16) {
    let asking = async {
        while office.get(who, path).await.0 != status {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let told = format!("{path} never was {status}");
    timeout(Duration::from_secs(20), asking).await.expect(&told);
}

#[tokio::test]
async fn a_change_of_roles_reaches_the_other_node() {
    let store = TestStore::empty().await;
    let a = Office::over(TestApp::on(&store, &ADMIN_FLAGS).await).await;
    let b = Office::over(TestApp::on(&store, &ADMIN_FLAGS).await).await;
    let id = a.role("greeter", &["view_users"]).await;
    // Relied on, it is read.
    let ann = b.user("ann").await;
    assert_eq!(b.assign(&b.root, &ann, "greeter").await.0, 200);
    eventually(&b, &b.root, &format!("/roles/{id}"), 200).await;
    let ann = log_in(&b.app, &ann.email).await;
    let path = format!("/users/{}", ann.id);
    eventually(&b, &ann, &path, 200).await;
    let grant = format!("/roles/{id}/permissions/{}", permission_id("view_users"));
    assert_eq!(a.delete(&a.root, &grant).await.0, 204);
    eventually(&b, &ann, &path, 403).await;
}

/// Each has a store of its own. The other node reads what has changed and nothing else.
#[tokio::test]
async fn a_keyspace_carries_changes_of_roles_and_of_the_catalogue_to_the_other_node() {
    let Some(server) = cql::server() else { return };
    let keyspace = Keyspace::lend(&server).await;
    let here = Arc::new(keyspace.store(Arc::new(SystemClock)).await);
    let there = keyspace.store(Arc::new(SystemClock)).await;
    let there = FaultyStore::new(there, FaultPlan::NONE);
    let a = Office::over(TestApp::over(here.clone(), &ADMIN_FLAGS).await).await;
    let b = Office::over(TestApp::over(Arc::new(there.clone()), &ADMIN_FLAGS).await).await;
    let is_scan = |op: &Op<'_>| matches!(op, Op::Read("products" | "categories" | "brands"));
    there.script(move |op| is_scan(op).then_some(Fault::Refused));

    let id = a.role("greeter", &["view_users"]).await;
    eventually(&b, &b.root, &format!("/roles/{id}"), 200).await;
    let lantern = r#"{"type":"product","id":"lantern","sku":"LANTERN","name":"Lantern","base_price":{"amount":900,"currency":"USD"}}"#;
    for name in ["Lantern", "Great Lantern"] {
        import(&*here, &lantern.replace("Lantern", name)).await;
        let shown = async {
            loop {
                let found = b.app.get("/api/v1/catalog/products/lantern", None).await;
                let found: Value = found.json().await.unwrap();
                if found["data"]["name"] == name {
                    break;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(20), shown).await.expect(name);
    }
}

#[tokio::test]
async fn a_node_that_cannot_read_the_roles_decides_nothing_by_them() {
    let store = FaultyStore::new(MemoryStore::new(Arc::new(SystemClock)), FaultPlan::NONE);
    store.script(|op| matches!(op, Op::Read("roles")).then_some(Fault::Refused));
    let app = TestApp::over(Arc::new(store.clone()), &ADMIN_FLAGS).await;
    let office = Office::over(app).await;
    let token = Some(office.root.token.as_str());
    for path in ["/roles", "/permissions", "/users?email=a@example.com"] {
        let refused = office.get(&office.root, path).await;
        assert_eq!(code(&refused), (503, "unavailable"), "{path}");
    }
    for path in ["/api/v1/cart", "/api/v1/auth/profile"] {
        assert_eq!(office.app.get(path, token).await.status(), 200, "{path}");
    }
    store.script(|_| None);
    eventually(&office, &office.root, "/roles", 200).await;
}
