//! A login is finished once, in time, by whoever has its state.

use super::*;
use crate::world::{first, in_order, reached};
use cartwright::domain::identity::LoginState;
use cartwright::store::Change;
use cartwright::store::fault::{Fault, FaultPlan, FaultyStore, Op};
use std::time::Duration;

const UNKNOWN: (u16, &str) = (400, "unknown_state");

fn is(answer: &Answer, expected: (u16, &str)) {
    assert_eq!(answer.refusal(), refusal(expected.0, expected.1));
}

fn login_commit(op: &Op<'_>) -> bool {
    matches!(op, Op::Commit(commit) if matches!(commit.change, Change::Login(..)))
}

#[tokio::test]
async fn a_state_is_good_once() {
    let door = Door::open().await;
    let (url, state) = door.begin().await;
    let codes = [(); 3].map(|()| door.issuer.authorize(&url));
    assert_eq!(door.come_back(&state, &codes[0]).await.status, 200);
    is(&door.come_back(&state, &codes[1]).await, UNKNOWN);
    is(&door.come_back("never begun", &codes[2]).await, UNKNOWN);
    // Also where nothing came of it.
    let (_, state) = door.begin().await;
    is(
        &door.come_back(&state, "no code").await,
        (400, "oauth_refused"),
    );
    is(&door.come_back(&state, &codes[1]).await, UNKNOWN);
}

#[tokio::test]
async fn of_two_who_come_back_with_one_state_one_enters() {
    let (clock, memory) = ground();
    let door = Door::over(Arc::new(memory.clone()), memory.clone(), clock.clone(), &[]).await;
    let other = serve(Arc::new(memory), clock, &door.issuer.url, &[]).await;
    for _ in 0..5 {
        let (url, state) = door.begin().await;
        let codes = [(); 8].map(|()| door.issuer.authorize(&url));
        let asks = codes.iter().zip([&door.app, &other].into_iter().cycle());
        let ask = async |(code, node): (&String, &TestApp)| {
            let query = [("state", state.as_str()), ("code", code)];
            get(node, CALLBACK, &query).await
        };
        let answers = futures::future::join_all(asks.map(ask));
        let answers = answers.await;
        let entered = answers.iter().filter(|answer| answer.status == 200);
        assert_eq!(entered.count(), 1);
        for refused in answers.iter().filter(|answer| answer.status != 200) {
            is(refused, UNKNOWN);
        }
    }
}

#[tokio::test]
async fn whoever_takes_a_state_second_does_not_enter_though_both_saw_it() {
    let (clock, memory) = ground();
    let store = FaultyStore::new(memory.clone(), FaultPlan::NONE);
    let door = Door::over(Arc::new(store.clone()), memory, clock, &[]).await;
    let (url, state) = door.begin().await;
    let codes = [(); 2].map(|()| door.issuer.authorize(&url));
    let pause = store.pause(first(login_commit));
    let slow = door.come_back(&state, &codes[0]);
    let quick = async {
        reached(&pause).await;
        let entered = door.come_back(&state, &codes[1]).await;
        pause.release();
        entered
    };
    let (slow, quick) = futures::join!(slow, quick);
    assert_eq!(quick.status, 200, "{}", quick.text);
    is(&slow, UNKNOWN);
    assert_eq!(door.issuer.asked("/token"), 1);
}

#[tokio::test]
async fn a_code_is_good_once() {
    let door = Door::open().await;
    let (url, state) = door.begin().await;
    let code = door.issuer.authorize(&url);
    assert_eq!(door.come_back(&state, &code).await.status, 200);
    let (_, state) = door.begin().await;
    is(&door.come_back(&state, &code).await, (400, "oauth_refused"));
    // Nor is the code of one login another's.
    let (url, _) = door.begin().await;
    let (_, state) = door.begin().await;
    let stolen = door.issuer.authorize(&url);
    is(
        &door.come_back(&state, &stolen).await,
        (400, "oauth_refused"),
    );
}

#[tokio::test]
async fn a_login_ends_after_ten_minutes() {
    let door = Door::open().await;
    for (wait, enters) in [(599, true), (600, false)] {
        let (url, state) = door.begin().await;
        let code = door.issuer.authorize(&url);
        door.clock.advance(Duration::from_secs(wait));
        let answer = door.come_back(&state, &code).await;
        assert_eq!(
            answer.status == 200,
            enters,
            "after {wait} s: {}",
            answer.text
        );
        if !enters {
            is(&answer, UNKNOWN);
        }
    }
}

#[tokio::test]
async fn a_state_of_ones_own_is_used_unless_it_is_pending() {
    let door = Door::open().await;
    let own = "ä/+ &=\u{0}~";
    let begin = async |state: &str| door.get(START_PATH, &[("state", state)]).await;
    let begun = begin(own).await.data();
    assert_eq!(begun["state"], own);
    is(&begin(own).await, (400, "state_pending"));
    let code = door.issuer.authorize(begun["url"].as_str().unwrap());
    assert_eq!(door.come_back(own, &code).await.status, 200);
    // It is free again once it was taken, or is too old.
    begin(own).await.data();
    door.clock.advance(Duration::from_secs(600));
    begin(own).await.data();
    door.clock.advance(Duration::from_secs(24 * 3_600));
    begin(own).await.data();
    begin(&"ä".repeat(256)).await.data();
    for wrong in ["", &"x".repeat(257)] {
        is(&begin(wrong).await, (400, "invalid_request"));
    }
}

#[tokio::test]
async fn whoever_was_not_let_in_is_told_so() {
    let door = Door::open().await;
    let (url, state) = door.begin().await;
    let denied = [("error", "access_denied"), ("state", &state)];
    let answer = door.get(CALLBACK, &denied).await;
    is(&answer, (400, "oauth_denied"));
    assert_eq!(answer.message(), "the login was not granted: access_denied");
    is(&door.get(CALLBACK, &denied).await, UNKNOWN);
    let code = door.issuer.authorize(&url);
    is(&door.come_back(&state, &code).await, UNKNOWN);
    let (_, state) = door.begin().await;
    for query in [
        &[][..],
        &[("code", "x")],
        &[("error", "access_denied")],
        &[("state", &state)],
        &[("state", &state), ("code", "")],
        &[("state", ""), ("code", "x")],
    ] {
        is(&door.get(CALLBACK, query).await, (400, "invalid_request"));
    }
    assert_eq!(door.issuer.asked("/token"), 0);
}

#[tokio::test]
async fn a_state_whose_taking_is_unknown_lets_nobody_in_twice() {
    for faults in [
        vec![Fault::LostAfter],
        vec![Fault::LostBefore],
        vec![Fault::Late(Duration::from_millis(30)), Fault::LostBefore],
        vec![Fault::LostAfter; 1_000],
        vec![Fault::LostBefore; 1_000],
    ] {
        let (clock, memory) = ground();
        let store = FaultyStore::new(memory.clone(), FaultPlan::NONE);
        let flags = ["--request-timeout", "500ms"];
        let door = Door::over(Arc::new(store.clone()), memory, clock, &flags).await;
        let (url, state) = door.begin().await;
        let codes = [(); 3].map(|()| door.issuer.authorize(&url));
        let never_resolved = faults.len() > 100;
        let is_lost = faults[0] == Fault::LostBefore && never_resolved;
        store.script(in_order(login_commit, faults));
        let first = door.come_back(&state, &codes[0]).await;
        if never_resolved {
            is(&first, (503, "unavailable"));
            assert!(!first.header("retry-after").is_empty());
            assert_eq!(door.issuer.asked("/token"), 0);
        } else {
            assert_eq!(first.status, 200, "{}", first.text);
        }
        store.script(|_| None);
        // Only where the taking never happened is there somebody to let in.
        let second = door.come_back(&state, &codes[1]).await;
        assert_eq!(second.status == 200, is_lost, "{}", second.text);
        is(&door.come_back(&state, &codes[2]).await, UNKNOWN);
        let id = LoginState::parse(&state).unwrap().id();
        assert_eq!(door.memory.login(id).await.unwrap().value, None);
    }
}
