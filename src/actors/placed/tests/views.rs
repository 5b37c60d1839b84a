//! Nodes that do not know the same view, or not yet.

use super::*;

#[tokio::test(start_paused = true)]
async fn nodes_that_send_each_other_on_without_end_are_not_followed() {
    let (net, [one, two, _]) = three().await;
    let key = two.key();
    net.link(2, Link::Says(Answer::Elsewhere { view: 1 }));
    assert_eq!(one.ask(key).await, Err(Failure::Unavailable));
    assert_eq!(net.calls(), 5);
    // A view that never comes.
    net.link(2, Link::Says(Answer::Elsewhere { view: 9 }));
    let before = Instant::now();
    assert_eq!(one.ask(key).await, Err(Failure::Unavailable));
    assert_eq!((net.calls(), before.elapsed().as_secs()), (6, 5));
}

#[tokio::test(start_paused = true)]
async fn who_knows_of_a_change_later_is_told_and_asks_again() {
    let (net, [one, two, three]) = three().await;
    let key = two.key();
    let next = || view(&[1, 3], &[1, 2, 3]);
    two.cluster.learn(2, next(), true);
    three.cluster.learn(2, next(), true);
    let asked = one.spawn(key, 0);
    a_moment().await;
    assert!(!asked.is_finished());
    assert_eq!(net.calls(), 1);
    one.cluster.learn(2, next(), true);
    let owner = if one.placed.is_here(&key) { 1 } else { 3 };
    assert_eq!(asked.await.unwrap(), Ok(owner));
    assert_eq!(two.residents(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_under_a_view_that_it_does_not_know_first_learns_it() {
    let (_net, [one, two, _]) = three().await;
    let key = one.key();
    let next = || view(&[2], &[1, 2, 3]);
    one.cluster.learn(2, next(), true);
    let asked = one.spawn(key, 0);
    a_moment().await;
    assert!(!asked.is_finished());
    // It knows, and waits for the key.
    two.cluster.learn(2, next(), false);
    a_moment().await;
    assert!(!asked.is_finished());
    two.cluster.learn(2, next(), true);
    assert_eq!(asked.await.unwrap(), Ok(2));
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_for_another_nodes_key_says_so_and_does_nothing() {
    let (net, [one, two, _]) = three().await;
    let call = Call {
        kind: Kind::User,
        key: encode(&one.key()),
        request: encode(&Where(0)),
        request_id: None,
        traceparent: None,
        view: 1,
        deadline: soon(),
    };
    let answer = two.placed.answer(call.clone()).await;
    assert_eq!(answer, Ok(Answer::Elsewhere { view: 1 }));
    assert_eq!((net.calls(), one.residents(), two.residents()), (0, 0, 0));
    // Nor does the owner do anything whose lease has ended.
    one.cluster.lapse();
    let answer = one.placed.answer(call).await;
    assert_eq!(answer, Err(Unanswered::NotSent));
    assert_eq!(one.residents(), 0);
}
