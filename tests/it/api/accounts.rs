//! The accounts' endpoints.

use super::client::{Answer, PASSWORD, Shop, registration};
use reqwest::Method;
use serde_json::{Value, json};

const PROFILE: &str = "/api/v1/auth/profile";
const REFRESH: &str = "/api/v1/auth/refresh";

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn registration_login_and_profile_are_to_the_letter() {
    let shop = Shop::open().await;
    let registered = shop
        .post("/api/v1/auth/register", &registration("Ann@Example.com"))
        .await;
    assert_eq!(registered.status, 201);
    let session = registered.data();
    assert_eq!(
        keys(&session),
        ["access_token", "expires_at", "refresh_token", "user"]
    );
    let user = &session["user"];
    let fields = [
        "active",
        "created_at",
        "email",
        "email_verified",
        "first_name",
        "id",
        "last_name",
        "updated_at",
    ];
    assert_eq!(keys(user), fields);
    assert_eq!(user["email"], "ann@example.com");
    assert_eq!(
        (&user["active"], &user["email_verified"]),
        (&true.into(), &false.into())
    );
    let login = shop.login(" ANN@example.com", PASSWORD).await;
    assert_eq!((login.status.as_u16(), &login.data()["user"]), (200, user));
    assert_eq!(login.header("cache-control"), "no-store");
    let token = session["access_token"].as_str().unwrap();
    let profile = Answer::of(shop.request(Method::GET, PROFILE).bearer_auth(token))
        .await
        .data();
    assert_eq!(keys(&profile), ["roles", "user"]);
    assert_eq!(profile["roles"], json!(["user"]));
    let fields = [
        "active",
        "email",
        "email_verified",
        "first_name",
        "id",
        "last_name",
    ];
    assert_eq!(keys(&profile["user"]), fields);
    assert_eq!(
        shop.admin().await.get(PROFILE).await.data()["roles"],
        json!(["admin", "user"])
    );
}

#[tokio::test]
async fn an_address_is_taken_once_whatever_its_case() {
    let shop = Shop::open().await;
    let user = shop.user().await;
    let again = registration(&user.email.to_uppercase());
    let again = shop.post("/api/v1/auth/register", &again).await;
    assert_eq!(again.refusal(), (409, "email_taken".to_owned()));
}

#[tokio::test]
async fn unknown_addresses_and_wrong_passwords_are_answered_alike() {
    let shop = Shop::open().await;
    let user = shop.user().await;
    let wrong = shop.login(&user.email, "WrongPassword123!").await;
    assert_eq!(wrong.refusal(), (401, "invalid_credentials".to_owned()));
    for email in ["nobody@example.com", "no address"] {
        assert_eq!(shop.login(email, PASSWORD).await.text, wrong.text);
    }
    for body in [
        json!({"email": user.email}),
        json!({"email": "", "password": "x"}),
        json!([]),
    ] {
        let answer = shop.post("/api/v1/auth/login", &body).await;
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
    }
}

#[tokio::test]
async fn a_refresh_token_is_good_once() {
    let shop = Shop::open().await;
    let user = shop.user().await;
    let refresh = async |token: &str| shop.post(REFRESH, &json!({"refresh_token": token})).await;
    let next = refresh(&user.refresh_token).await;
    assert_eq!(next.status, 200);
    assert_eq!(
        keys(&next.data()),
        ["access_token", "expires_at", "refresh_token"]
    );
    let invalid = (401, "invalid_refresh_token".to_owned());
    assert_eq!(refresh(&user.refresh_token).await.refusal(), invalid);
    assert_eq!(refresh("x").await.refusal(), invalid);
    assert_eq!(refresh("").await.refusal().0, 400);
    let next = next.data()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(refresh(&next).await.status, 200);
}

#[tokio::test]
async fn logout_ends_every_token_at_once() {
    let shop = Shop::open().await;
    let user = shop.user().await;
    let logout = user
        .send(Method::POST, "/api/v1/auth/logout", &json!({}))
        .await;
    assert_eq!((logout.status.as_u16(), logout.text.as_str()), (204, ""));
    let unauthenticated = (401, "unauthenticated".to_owned());
    for path in [PROFILE, "/api/v1/cart", "/api/v1/orders"] {
        let answer = user.get(path).await;
        assert_eq!(answer.refusal(), unauthenticated, "{path}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let refresh = json!({"refresh_token": user.refresh_token});
    assert_eq!(shop.post(REFRESH, &refresh).await.status, 401);
    assert_eq!(shop.login(&user.email, PASSWORD).await.status, 200);
}
