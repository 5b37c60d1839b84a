//! Keys that leave a node, or its lease that ends, while something is asked of their actors.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_the_key_has_left_is_not_given_and_no_actor_stays() {
    let (_net, [one, two, _]) = three().await;
    let key = one.key();
    let slow = one.spawn(key, 1_000);
    a_moment().await;
    assert_eq!(one.residents(), 1);
    one.cluster.learn(2, view(&[2], &[1, 2, 3]), true);
    assert_eq!(slow.await.unwrap(), Err(Failure::Unavailable));
    a_moment().await;
    assert_eq!(one.residents(), 0);
    // Nor where its asker has stopped waiting meanwhile.
    let key = two.key();
    let slow = two.spawn(key, 1_000);
    a_moment().await;
    two.cluster.learn(2, view(&[1], &[1, 2, 3]), true);
    slow.abort();
    assert!(slow.await.is_err());
    sleep(Duration::from_secs(2)).await;
    assert_eq!(two.residents(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_given_before_the_key_left_counts_however_late_its_asker_is() {
    let (_net, [one, ..]) = three().await;
    let key = one.key();
    let mut asked = Box::pin(one.ask(key));
    assert!(futures::poll!(&mut asked).is_pending());
    one.placed.hand_over(|_| false, soon()).await;
    one.cluster.learn(2, view(&[2], &[1, 2, 3]), true);
    assert_eq!(asked.await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_the_lease_has_ended_is_not_given() {
    let (_net, [one, two, _]) = three().await;
    let key = one.key();
    let local = one.spawn(key, 1_000);
    let forwarded = two.spawn(key, 1_000);
    a_moment().await;
    one.cluster.lapse();
    assert_eq!(local.await.unwrap(), Err(Failure::Unavailable));
    assert_eq!(forwarded.await.unwrap(), Err(Failure::Unavailable));
    assert_eq!(one.ask(key).await, Err(Failure::Unavailable));
    a_moment().await;
    assert_eq!(one.residents(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_an_actor_that_leaves_goes_to_the_node_that_has_it_next() {
    let (net, [one, two, _]) = three().await;
    let key = one.key();
    let next = || view(&[2], &[1, 2, 3]);
    let read = one.spawn(key, 1_000);
    a_moment().await;
    one.placed.directory().quiesce(&key);
    // Behind the message that ends the actor.
    let unread = one.spawn(key, 0);
    a_moment().await;
    for node in [&one, &two] {
        node.cluster.learn(2, next(), false);
    }
    let placed = one.placed.clone();
    let leaving = tokio::spawn(async move { placed.hand_over(|_| false, soon()).await });
    // What was read is answered: the key has not left yet.
    assert_eq!(read.await.unwrap(), Ok(1));
    leaving.await.unwrap();
    assert_eq!(one.residents(), 0);
    sleep(Duration::from_millis(10)).await;
    assert!(!unread.is_finished());
    for node in [&one, &two] {
        node.cluster.learn(2, next(), true);
    }
    assert_eq!(unread.await.unwrap(), Ok(2));
    assert_eq!((net.calls(), one.residents()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_others_need_in_order_to_leave_is_asked_where_it_is_until_it_leaves() {
    let net = Arc::new(Net::default());
    let first = || view(&[1, 2], &[1, 2]);
    let one = Node::with(1, &net, first(), Placed::lingering).await;
    let two = Node::with(2, &net, first(), Placed::lingering).await;
    let next = || view(&[1, 2, 3], &[1, 2]);
    let three = Node::with(3, &net, next(), Placed::lingering).await;
    // A key that goes from the first node to the third.
    let leaves = |key: &UserId| {
        let is_third = three.placed.is_here(key);
        is_third && one.placed.is_here(key)
    };
    let mut keys = (0..).map(|number| UserId(Uuid::from_u128(number)));
    let moving = keys.find(leaves).unwrap();
    for node in [&one, &two, &three] {
        node.cluster.learn(2, next(), false);
    }
    assert_eq!(one.ask(moving).await, Ok(1));
    assert_eq!(two.ask(moving).await, Ok(1));
    assert_eq!(one.residents(), 1);
    // Its turn has come: whoever needs it waits until the third node has it.
    one.placed.hand_over(|_| false, soon()).await;
    assert_eq!(one.residents(), 0);
    let asked = [one.spawn(moving, 0), two.spawn(moving, 0)];
    a_moment().await;
    assert!(asked.iter().all(|asked| !asked.is_finished()));
    for node in [&one, &two, &three] {
        node.cluster.learn(2, next(), true);
    }
    for asked in asked {
        assert_eq!(asked.await.unwrap(), Ok(3));
    }
    assert_eq!((one.residents(), two.residents()), (0, 0));
}
