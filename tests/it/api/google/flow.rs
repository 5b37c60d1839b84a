//! Who enters, and as whom.

use super::*;
use crate::api::client::registration;
use serde_json::json;

fn keys(value: &Value) -> Vec<&str> {
    let keys = value.as_object().unwrap().keys();
    keys.map(String::as_str).collect()
}

#[tokio::test]
async fn a_new_person_gets_an_account_and_keeps_it() {
    let door = Door::open().await;
    let start = door.get(START_PATH, &[]).await.data();
    assert_eq!(keys(&start), ["state", "url"]);
    let login = door.login().await;
    assert_eq!(login.status, 200);
    assert_eq!(login.header("cache-control"), "no-store");
    let session = login.data();
    let fields = ["access_token", "expires_at", "refresh_token", "user"];
    assert_eq!(keys(&session), fields);
    let user = &session["user"];
    assert_eq!(user["email"], "ann@example.com");
    assert_eq!(user["email_verified"], true);
    assert_eq!(
        (&user["first_name"], &user["last_name"]),
        (&json!("Ann"), &json!("Lee"))
    );
    assert_eq!(door.link().await.unwrap().user_id.0.to_string(), user["id"]);

    let token = session["access_token"].as_str().unwrap();
    let profile = door.app.get("/api/v1/auth/profile", Some(token)).await;
    let profile: Value = profile.json().await.unwrap();
    assert_eq!(profile["data"]["roles"], json!(["user"]));

    assert_eq!(door.login().await.data()["user"], *user);
    // The address may change at the issuer; the person is the same.
    door.issuer.state().person["email"] = json!("ann.lee@example.com");
    assert_eq!(door.login().await.data()["user"], *user);
    door.issuer.state().person["sub"] = json!("somebody else");
    let other = door.login().await.data();
    assert_eq!(other["user"]["email"], "ann.lee@example.com");
    assert_ne!(other["user"]["id"], user["id"]);
}

#[tokio::test]
async fn an_address_with_a_password_is_not_linked() {
    let door = Door::open().await;
    let theirs = door.app.register("ann@example.com").await;
    for _ in 0..2 {
        let refused = door.login().await;
        assert_eq!(refused.refusal(), refusal(409, "email_taken"));
        assert_eq!(door.link().await, None);
    }
    let body = json!({"email": "ann@example.com", "password": "correct horse"});
    let login = door
        .send(Method::POST, "/api/v1/auth/login", &body, "")
        .await;
    assert_eq!(login.data()["user"]["id"], theirs["user"]["id"]);
    door.issuer.state().person["email"] = json!("ann.lee@example.com");
    let entered = door.login().await.data();
    assert_ne!(entered["user"]["id"], theirs["user"]["id"]);
}

#[tokio::test]
async fn there_is_no_password_to_a_persons_account() {
    let door = Door::open().await;
    assert_eq!(door.login().await.status, 200);
    let login = async |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        door.send(Method::POST, "/api/v1/auth/login", &body, "")
            .await
    };
    let unknown = login("nobody@example.com", PASSWORD).await;
    assert_eq!(unknown.refusal(), refusal(401, "invalid_credentials"));
    for password in [PASSWORD, "248289761001", "https://issuer"] {
        assert_eq!(login("ann@example.com", password).await.text, unknown.text);
    }
    let body = registration("ann@example.com");
    let taken = door
        .send(Method::POST, "/api/v1/auth/register", &body, "")
        .await;
    assert_eq!(taken.refusal(), refusal(409, "email_taken"));
}

#[tokio::test]
async fn an_inactive_account_stays_shut() {
    let door = Door::open().await;
    let id = door.login().await.data()["user"]["id"].clone();
    let body = json!({"email": ADMIN, "password": PASSWORD});
    let admin = door
        .send(Method::POST, "/api/v1/auth/login", &body, "")
        .await;
    let admin = admin.data()["access_token"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/admin/users/{}", id.as_str().unwrap());
    let set = async |active: bool| {
        let body = json!({"active": active});
        let changed = door.send(Method::PATCH, &path, &body, &admin).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
    };
    set(false).await;
    let refused = door.login().await.refusal();
    assert_eq!(refused, refusal(403, "account_inactive"));
    set(true).await;
    assert_eq!(door.login().await.data()["user"]["id"], id);
}

#[tokio::test]
async fn without_a_client_both_routes_say_so() {
    let app = TestApp::spawn().await;
    for (path, query) in [
        (START_PATH, &[][..]),
        (START_PATH, &[("state", "")]),
        (CALLBACK, &[]),
        (CALLBACK, &[("state", "x"), ("code", "y")]),
    ] {
        let answer = get(&app, path, query).await;
        assert_eq!(answer.refusal(), refusal(501, "oauth_not_configured"));
    }
}
