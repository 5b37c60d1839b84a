//! Who answers, and what becomes of a request whose node hangs, refuses it, cannot be reached or
//! cannot read it.

use super::*;

#[tokio::test(start_paused = true)]
async fn whoever_is_asked_the_one_owner_answers_after_one_call_at_most() {
    let (net, nodes) = three().await;
    for number in 0..90 {
        let key = UserId(Uuid::from_u128(number));
        let owner = nodes.iter().find(|node| node.placed.is_here(&key));
        let owner = owner.unwrap().number;
        for node in &nodes {
            let calls = net.calls();
            assert_eq!(node.ask(key).await, Ok(owner));
            assert_eq!(net.calls() - calls, usize::from(node.number != owner));
        }
    }
    let residents: Vec<_> = nodes.iter().map(Node::residents).collect();
    assert_eq!(residents.iter().sum::<usize>(), 90, "{residents:?}");
    assert!(residents.iter().all(|count| *count > 10), "{residents:?}");
}

#[tokio::test(start_paused = true)]
async fn the_id_of_a_request_goes_along() {
    let (_net, [one, two, _]) = three().await;
    let key = two.key();
    let asked = one.placed.ask(&key, Where(0), soon());
    let caller = Caller::node(Some("r-1".into()), Span::none());
    let answer = caller.on_behalf(asked).await;
    assert_eq!(answer, Ok((2, Some("r-1".to_owned()))));
    let answer = one.placed.ask(&key, Where(0), soon()).await;
    assert_eq!(answer, Ok((2, None)));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_hangs_costs_those_who_ask_it_their_deadline_and_nobody_else() {
    let (net, [one, two, three]) = three().await;
    net.link(2, Link::Hangs);
    let hanging = one.spawn(two.key(), 0);
    a_moment().await;
    assert_eq!(one.ask(three.key()).await, Ok(3));
    assert_eq!(one.ask(one.key()).await, Ok(1));
    assert!(!hanging.is_finished());
    let before = Instant::now();
    assert_eq!(hanging.await.unwrap(), Err(Failure::Unavailable));
    assert!(before.elapsed().as_secs() <= 5);
    assert_eq!(net.calls(), 2, "what may have been done was asked again");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_has_too_much_is_not_asked_again() {
    let (net, [one, two, _]) = three().await;
    net.link(2, Link::Refuses);
    let before = Instant::now();
    assert_eq!(one.ask(two.key()).await, Err(Failure::Unavailable));
    assert_eq!((net.calls(), before.elapsed()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_be_reached_is_asked_again_until_another_has_its_keys() {
    let (net, [one, two, _]) = three().await;
    net.link(2, Link::Down);
    let key = two.key();
    let asked = one.spawn(key, 0);
    sleep(Duration::from_secs(1)).await;
    assert!(!asked.is_finished() && net.calls() > 2);
    one.cluster.learn(2, view(&[1], &[1, 2, 3]), true);
    assert_eq!(asked.await.unwrap(), Ok(1));
    // Where nothing changes, that ends.
    let (net, [one, two, _]) = three().await;
    net.link(2, Link::Down);
    let before = Instant::now();
    assert_eq!(one.ask(two.key()).await, Err(Failure::Unavailable));
    assert_eq!(before.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_node_that_is_gone_leave_room_for_others() {
    let (net, [one, two, three]) = three().await;
    net.link(2, Link::Down);
    let asked: Vec<_> = (0..300).map(|_| one.spawn(two.key(), 0)).collect();
    sleep(Duration::from_secs(1)).await;
    let refused = asked.iter().filter(|asked| asked.is_finished()).count();
    assert_eq!(refused, 300 - MAX_WAITING);
    assert_eq!(one.ask(three.key()).await, Ok(3));
    for asked in asked {
        assert_eq!(asked.await.unwrap(), Err(Failure::Unavailable));
    }
    // So do those who wait for a key that is on its way.
    one.cluster.learn(2, view(&[1], &[1, 2, 3]), false);
    let asked: Vec<_> = (0..300).map(|_| one.spawn(two.key(), 0)).collect();
    a_moment().await;
    let refused = asked.iter().filter(|asked| asked.is_finished()).count();
    assert_eq!(refused, 300 - MAX_WAITING);
    one.cluster.learn(2, view(&[1], &[1, 2, 3]), true);
    let mut answered = 0;
    for asked in asked {
        answered += usize::from(asked.await.unwrap().is_ok());
    }
    assert!((100..=MAX_WAITING).contains(&answered), "{answered}");
    assert_eq!(one.placed.waiting.available_permits(), MAX_WAITING);
}

#[tokio::test(start_paused = true)]
async fn a_call_in_another_format_is_refused_and_does_nothing() {
    let (net, [one, two, _]) = three().await;
    let mut call = Call {
        kind: Kind::User,
        key: encode(&two.key()),
        request: encode(&Where(0)),
        request_id: None,
        traceparent: None,
        view: 1,
        deadline: soon(),
    };
    call.request[0] += 1;
    let answer = two.placed.answer(call).await;
    assert_eq!((answer, two.residents()), (Ok(Answer::Unreadable), 0));
    for said in [Answer::Unreadable, Answer::Given(vec![2, 0])] {
        net.link(2, Link::Says(said));
        assert_eq!(one.ask(two.key()).await, Err(Failure::Unavailable));
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_alone_has_everything() {
    let (_tree, [shards]) = Supervision::start::<1>().await.unwrap();
    let bounds = Bounds {
        waiting: 1,
        residents: 1,
    };
    let placed = Placed::new(
        Directory::new(Teller(7), shards, bounds, Arc::default()),
        Cluster::alone(),
    );
    let key = UserId(Uuid::from_u128(1));
    assert!(placed.is_here(&key));
    assert_eq!(placed.ask(&key, Where(0), soon()).await, Ok((7, None)));
    assert_eq!(placed.directory().residents(), 1);
}
