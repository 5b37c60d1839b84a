//! An issuer that is away, slow, odd, or has new keys.

use super::issuer::{Signature, Trouble};
use super::keys::Key;
use super::*;
use std::time::Duration;

const DISCOVERY: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/keys";
const TOKEN: &str = "/token";

fn is_away(answer: &Answer) {
    assert_eq!(answer.refusal(), refusal(503, "unavailable"));
    assert_eq!(answer.header("retry-after"), "2");
}

/// A door whose requests do not wait long.
async fn impatient() -> Door {
    let (clock, memory) = ground();
    let flags = ["--request-timeout", "500ms"];
    Door::over(Arc::new(memory.clone()), memory, clock, &flags).await
}

#[tokio::test]
async fn a_server_starts_without_its_issuer_and_asks_it_now_and_then() {
    let door = Door::open().await;
    assert_eq!(door.issuer.asked(DISCOVERY), 0);
    door.issuer
        .state()
        .trouble
        .insert(DISCOVERY, Trouble::Failure);
    for _ in 0..3 {
        is_away(&door.get(START_PATH, &[]).await);
    }
    assert_eq!(door.issuer.asked(DISCOVERY), 1);
    door.clock.advance(Duration::from_secs(2));
    is_away(&door.get(START_PATH, &[]).await);
    assert_eq!(door.issuer.asked(DISCOVERY), 2);
    door.issuer.state().trouble.clear();
    door.clock.advance(Duration::from_secs(2));
    assert_eq!(door.login().await.status, 200);
    assert_eq!(door.login().await.status, 200);
    assert_eq!(
        (door.issuer.asked(DISCOVERY), door.issuer.asked(KEYS)),
        (3, 1)
    );
}

#[tokio::test]
async fn many_who_come_at_once_ask_the_issuer_once() {
    let door = Door::open().await;
    let asks = (0..20).map(|_| door.get(START_PATH, &[]));
    for answer in futures::future::join_all(asks).await {
        assert_eq!(answer.status, 200);
    }
    assert_eq!(
        (door.issuer.asked(DISCOVERY), door.issuer.asked(KEYS)),
        (1, 1)
    );
}

#[tokio::test]
async fn an_odd_discovery_is_no_issuer() {
    for path in [DISCOVERY, KEYS] {
        for trouble in [
            Trouble::Silence,
            Trouble::Huge,
            Trouble::Garbage,
            Trouble::Redirect,
        ] {
            let door = impatient().await;
            door.issuer.state().trouble.insert(path, trouble);
            is_away(&door.get(START_PATH, &[]).await);
            assert_eq!(door.issuer.asked("/elsewhere"), 0);
        }
    }
    let (clock, memory) = ground();
    let issuer = Issuer::start(clock.clone()).await;
    let other_name = format!("{}/", issuer.url);
    let app = serve(Arc::new(memory), clock, &other_name, &[]).await;
    is_away(&get(&app, START_PATH, &[]).await);
}

#[tokio::test]
async fn an_issuer_that_goes_away_later_takes_no_pending_login_along() {
    let door = Door::open().await;
    door.begin().await;
    door.clock.advance(Duration::from_secs(3_300));
    let (url, state) = door.begin().await;
    let code = door.issuer.authorize(&url);
    // What was known an hour ago is asked anew, in vain.
    door.clock.advance(Duration::from_secs(300));
    let away = (DISCOVERY, Trouble::Failure);
    door.issuer.state().trouble.extend([away]);
    is_away(&door.come_back(&state, &code).await);
    door.issuer.state().trouble.clear();
    door.clock.advance(Duration::from_secs(2));
    assert_eq!(door.come_back(&state, &code).await.status, 200);
}

#[tokio::test]
async fn an_odd_answer_to_a_code_lets_nobody_in() {
    for (trouble, expected) in [
        (Trouble::Silence, refusal(503, "unavailable")),
        (Trouble::Huge, refusal(503, "unavailable")),
        (Trouble::Failure, refusal(503, "unavailable")),
        (Trouble::Redirect, refusal(503, "unavailable")),
        (Trouble::Garbage, refusal(400, "oauth_refused")),
    ] {
        let door = impatient().await;
        door.begin().await;
        door.issuer.state().trouble.insert(TOKEN, trouble);
        assert_eq!(door.login().await.refusal(), expected);
        assert_eq!(door.issuer.asked("/elsewhere"), 0);
        assert_eq!(door.link().await, None);
        door.issuer.state().trouble.clear();
        assert_eq!(door.login().await.status, 200);
    }
}

#[tokio::test]
async fn new_keys_are_followed_but_not_at_everybodys_word() {
    let door = Door::open().await;
    assert_eq!(door.login().await.status, 200);
    let refused = async |times: usize| {
        for _ in 0..times {
            let answer = door.login().await;
            assert_eq!(answer.refusal(), refusal(400, "oauth_refused"));
        }
    };
    {
        let mut state = door.issuer.state();
        state.published = vec![Key::other()];
        state.signature = Signature::By(Key::other());
    }
    assert_eq!(door.login().await.status, 200);
    assert_eq!(door.issuer.asked(KEYS), 2);
    // A key that nobody published costs one look a minute.
    door.issuer.state().signature = Signature::By(Key::elliptic());
    refused(3).await;
    assert_eq!(door.issuer.asked(KEYS), 2);
    door.clock.advance(Duration::from_secs(60));
    refused(3).await;
    assert_eq!(door.issuer.asked(KEYS), 3);
    door.clock.advance(Duration::from_secs(60));
    door.issuer.state().published.push(Key::elliptic());
    assert_eq!(door.login().await.status, 200);
    assert_eq!(door.issuer.asked(KEYS), 4);
}

#[tokio::test]
async fn a_key_that_was_withdrawn_counts_no_longer_than_an_hour() {
    let door = Door::open().await;
    assert_eq!(door.login().await.status, 200);
    door.issuer.state().published = vec![Key::other()];
    door.clock.advance(Duration::from_secs(3_599));
    assert_eq!(door.login().await.status, 200);
    door.clock.advance(Duration::from_secs(1));
    let answer = door.login().await;
    assert_eq!(answer.refusal(), refusal(400, "oauth_refused"));
}
