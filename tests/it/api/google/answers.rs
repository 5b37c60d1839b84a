//! What an issuer, or somebody in its place, may say that must not be believed.

use super::issuer::Signature;
use super::keys::Key;
use super::*;
use serde_json::json;

/// What comes of a login about whose ID token this is changed.
async fn told(door: &Door, edit: impl Fn(&mut Value) + Send + 'static) -> Answer {
    door.issuer.state().edit = Box::new(edit);
    let answer = door.login().await;
    door.issuer.state().edit = Box::new(|_| {});
    answer
}

async fn without(door: &Door, claim: &'static str) -> Answer {
    told(door, move |claims| {
        claims.as_object_mut().unwrap().remove(claim);
    })
    .await
}

/// Nobody was let in, and nothing remembered.
async fn is_refused(door: &Door, answer: &Answer, code: &str, why: &str) {
    assert_eq!(answer.refusal(), refusal(400, code), "{why}");
    assert_eq!(door.link().await, None, "{why}");
}

async fn is_open(door: &Door) {
    let answer = door.login().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn a_token_that_is_not_for_this_login_is_refused() {
    let door = Door::open().await;
    let own = CLIENT_ID;
    for (claim, value) in [
        ("iss", json!("https://accounts.google.com")),
        ("iss", json!(format!("{}/", door.issuer.url))),
        ("aud", json!("another-client")),
        ("aud", json!([])),
        ("aud", json!(["another-client"])),
        ("aud", json!([own, "another-client"])),
        ("azp", json!("another-client")),
        ("nonce", json!("another-nonce")),
        ("nonce", json!("")),
        ("sub", json!("")),
        ("sub", json!("x".repeat(256))),
        ("sub", json!("ä")),
        ("sub", json!(7)),
        ("exp", json!("soon")),
    ] {
        let why = format!("{claim} {value}");
        let answer = told(&door, move |claims| claims[claim] = value.clone()).await;
        is_refused(&door, &answer, "oauth_refused", &why).await;
    }
    for claim in ["iss", "aud", "nonce", "sub", "exp", "iat"] {
        let answer = without(&door, claim).await;
        is_refused(&door, &answer, "oauth_refused", claim).await;
    }
    let answer = told(&door, move |claims| {
        claims["aud"] = json!([own]);
        claims["azp"] = json!(own);
    });
    assert_eq!(answer.await.status, 200);
}

#[tokio::test]
async fn a_token_counts_in_its_time_and_a_minute_around_it() {
    let door = Door::open().await;
    let shifted = async |claim: &'static str, seconds: i64| {
        let answer = told(&door, move |claims| {
            let now = claims["iat"].as_i64().unwrap();
            claims[claim] = json!(now + seconds);
        });
        answer.await
    };
    for (claim, seconds) in [("exp", -61), ("exp", -60), ("iat", 61), ("iat", -3_601)] {
        let why = format!("{claim} {seconds}");
        let answer = shifted(claim, seconds).await;
        is_refused(&door, &answer, "oauth_refused", &why).await;
    }
    for (claim, seconds) in [("exp", -59), ("iat", 60), ("iat", -3_600)] {
        let answer = shifted(claim, seconds).await;
        assert_eq!(answer.status, 200, "{claim} {seconds}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_token_is_signed_by_a_key_of_the_issuers() {
    let door = Door::open().await;
    let published = |key: Key| key.public().to_string().into_bytes();
    let modulus = Key::rsa().public()["n"]
        .as_str()
        .unwrap()
        .as_bytes()
        .to_vec();
    for (why, signature) in [
        (
            "another key under its name",
            Signature::By(Key::other().named("elliptic")),
        ),
        ("an unknown key", Signature::By(Key::other())),
        ("no signature", Signature::None),
        (
            "the client's secret",
            Signature::Shared(CLIENT_SECRET.into()),
        ),
        ("a public key", Signature::Shared(published(Key::rsa()))),
        ("its modulus", Signature::Shared(modulus)),
        ("nothing", Signature::Shared(Vec::new())),
        (
            "a key of another kind",
            Signature::By(Key::rsa().named("elliptic")),
        ),
    ] {
        door.issuer.state().signature = signature;
        let answer = door.login().await;
        is_refused(&door, &answer, "oauth_refused", why).await;
    }
    for key in [Key::elliptic(), Key::rsa()] {
        door.issuer.state().signature = Signature::By(key);
        is_open(&door).await;
    }
}

#[tokio::test]
async fn a_signature_counts_only_if_the_issuer_says_that_it_makes_such() {
    let door = Door::open().await;
    door.issuer.state().algorithms = vec!["RS256"];
    let answer = door.login().await;
    is_refused(&door, &answer, "oauth_refused", "ES256").await;
    door.issuer.state().signature = Signature::By(Key::rsa());
    is_open(&door).await;
}

#[tokio::test]
async fn an_address_that_is_not_verified_lets_nobody_in() {
    let door = Door::open().await;
    for (claim, value) in [
        ("email_verified", json!(false)),
        ("email_verified", json!(null)),
        ("email", json!(null)),
        ("email", json!("")),
        ("email", json!("ann")),
    ] {
        let why = format!("{claim} {value}");
        let answer = told(&door, move |claims| claims[claim] = value.clone()).await;
        is_refused(&door, &answer, "email_not_verified", &why).await;
    }
    for claim in ["email", "email_verified"] {
        let answer = without(&door, claim).await;
        is_refused(&door, &answer, "email_not_verified", claim).await;
    }
    is_open(&door).await;
}
