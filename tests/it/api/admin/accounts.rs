//! Users: found, shown, given and deprived of roles, locked out and let in again.

use super::{Office, Person, code, log_in, person, try_log_in};
use reqwest::Method;
use serde_json::{Value, json};

async fn profile(office: &Office, who: &Person) -> u16 {
    let answer = office.app.get("/api/v1/auth/profile", Some(&who.token));
    answer.await.status().as_u16()
}

async fn refresh(office: &Office, who: &Person) -> (u16, Value) {
    let body = json!({"refresh_token": who.refresh_token});
    let path = "/api/v1/auth/refresh";
    let answer = office.app.send(Method::POST, path, None, &body).await;
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// The claims of a token, unverified.
fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let body = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body);
    serde_json::from_slice(&bytes.unwrap()).unwrap()
}

#[tokio::test]
async fn a_user_is_found_by_address_and_shown_by_id() {
    let office = Office::open().await;
    let ann = office.user("ann").await;
    let user = json!({
        "id": ann.id, "email": "ann@example.com", "first_name": "Ann", "last_name": "Lee",
        "active": true, "email_verified": false, "roles": ["user"],
    });
    let found = office
        .get(&office.root, "/users?email=%20Ann@Example.com")
        .await;
    assert_eq!(
        (found.0.as_u16(), found.1),
        (200, json!({"data": {"users": [user]}}))
    );
    let none = office
        .get(&office.root, "/users?email=bob@example.com")
        .await;
    assert_eq!(
        (none.0.as_u16(), none.1),
        (200, json!({"data": {"users": []}}))
    );
    for query in ["", "?email=", "?email=ann", "?name=ann"] {
        let refused = office.get(&office.root, &format!("/users{query}")).await;
        assert_eq!(code(&refused), (400, "invalid_request"), "{query}");
    }
    let shown = office
        .get(&office.root, &format!("/users/{}", ann.id))
        .await;
    assert_eq!(
        (shown.0.as_u16(), shown.1),
        (200, json!({"data": {"user": user}}))
    );
}

#[tokio::test]
async fn a_change_of_roles_voids_tokens_and_keeps_the_session() {
    let office = Office::open().await;
    let ann = office.user("ann").await;
    let assigned = office.assign(&office.root, &ann, "manager").await;
    let message = json!({"data": {"message": "Role assigned successfully"}});
    assert_eq!((assigned.0.as_u16(), assigned.1), (200, message));
    assert_eq!(profile(&office, &ann).await, 401);
    let (status, body) = refresh(&office, &ann).await;
    assert_eq!(status, 200);
    let refreshed = Person {
        token: super::text(&body["data"]["access_token"]),
        refresh_token: super::text(&body["data"]["refresh_token"]),
        ..ann
    };
    assert_eq!(
        claims(&refreshed.token)["roles"],
        json!(["manager", "user"])
    );
    assert_eq!(office.get(&refreshed, "/roles").await.0, 200);
    assert_eq!(
        office.role_names(&refreshed).await,
        json!(["manager", "user"])
    );
    // What changes nothing voids nothing.
    assert_eq!(
        office.assign(&office.root, &refreshed, "manager").await.0,
        200
    );
    assert_eq!(profile(&office, &refreshed).await, 200);
    assert_eq!(
        office.remove(&office.root, &refreshed, "manager").await.0,
        204
    );
    assert_eq!(
        code(&office.get(&refreshed, "/roles").await),
        (401, "unauthenticated")
    );
    assert_eq!(
        office.remove(&office.root, &refreshed, "manager").await.0,
        204
    );
    let (_, body) = refresh(&office, &refreshed).await;
    let token = super::text(&body["data"]["access_token"]);
    assert_eq!(claims(&token)["roles"], json!(["user"]));
    let again = Person { token, ..refreshed };
    assert_eq!(
        code(&office.get(&again, "/roles").await),
        (403, "forbidden")
    );
}

#[tokio::test]
async fn a_role_that_is_deleted_is_nobodys_and_makes_room() {
    let office = Office::open().await;
    let ann = office.user("ann").await;
    let mut roles = Vec::new();
    for number in 0..31 {
        let name = format!("role_{number}");
        roles.push(office.role(&name, &[]).await);
        assert_eq!(office.assign(&office.root, &ann, &name).await.0, 200);
    }
    let full = office.assign(&office.root, &ann, "manager").await;
    assert_eq!(code(&full), (400, "too_many_roles"));
    // A token that names them all is one that we take.
    let ann = log_in(&office.app, &ann.email).await;
    assert_eq!(profile(&office, &ann).await, 200);
    office
        .delete(&office.root, &format!("/roles/{}", roles[0]))
        .await;
    assert_eq!(office.role_names(&ann).await.as_array().unwrap().len(), 31);
    assert_eq!(office.assign(&office.root, &ann, "manager").await.0, 200);
}

#[tokio::test]
async fn who_is_deactivated_is_out_at_once_and_comes_back_by_logging_in() {
    let office = Office::open().await;
    let manager = office.staff("man", "manager").await;
    let ann = office.user("ann").await;
    let (status, body) = office.set_active(&manager, &ann, false).await;
    assert_eq!(
        (status.as_u16(), &body["data"]["user"]["active"]),
        (200, &json!(false))
    );
    assert_eq!(profile(&office, &ann).await, 401);
    assert_eq!(refresh(&office, &ann).await.0, 401);
    let (status, body) = try_log_in(&office.app, &ann.email).await;
    assert_eq!(
        (status.as_u16(), &body["error"]["code"]),
        (403, &json!("account_inactive"))
    );
    assert_eq!(office.set_active(&manager, &ann, false).await.0, 200);
    let (status, body) = office.set_active(&manager, &ann, true).await;
    assert_eq!(
        (status.as_u16(), &body["data"]["user"]["active"]),
        (200, &json!(true))
    );
    // What was ended stays so.
    assert_eq!(profile(&office, &ann).await, 401);
    assert_eq!(refresh(&office, &ann).await.0, 401);
    let ann = log_in(&office.app, &ann.email).await;
    assert_eq!(profile(&office, &ann).await, 200);
    let body = json!({"active": "no"});
    let path = format!("/users/{}", ann.id);
    let refused = office.ask(&manager, Method::PATCH, &path, &body).await;
    assert_eq!(
        refused.1["error"]["message"],
        "active must be true or false"
    );
}

#[tokio::test]
async fn of_an_admin_only_an_admin_decides() {
    let office = Office::open().await;
    let manager = office.staff("man", "manager").await;
    let other = office.staff("oth", "admin").await;
    for active in [false, true] {
        let refused = office.set_active(&manager, &other, active).await;
        assert_eq!(code(&refused), (403, "forbidden"));
    }
    assert_eq!(office.set_active(&office.root, &other, false).await.0, 200);
    let refused = office.set_active(&manager, &other, true).await;
    assert_eq!(code(&refused), (403, "forbidden"));
    assert_eq!(office.set_active(&office.root, &other, true).await.0, 200);
}

#[tokio::test]
async fn what_was_assigned_survives_a_restart() {
    let store = crate::app::TestStore::empty().await;
    let first = crate::app::TestApp::on(&store, &super::ADMIN_FLAGS).await;
    let office = Office::over(first).await;
    office.role("greeter", &["view_users"]).await;
    let ann = office.staff("ann", "greeter").await;
    let root = office.root.clone();
    office.app.stop().await;
    let second = crate::app::TestApp::on(&store, &super::ADMIN_FLAGS).await;
    let office = Office { app: second, root };
    assert_eq!(office.get(&ann, &format!("/users/{}", ann.id)).await.0, 200);
    assert_eq!(office.get(&office.root, "/roles").await.0, 200);
    let session = try_log_in(&office.app, &ann.email).await.1["data"].take();
    assert_eq!(
        claims(&person(&session).token)["roles"],
        json!(["greeter", "user"])
    );
}
