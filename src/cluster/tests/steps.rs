//! One step each: to come, to go, to die, to be alone.

use super::*;

async fn three(shared: &Shared) -> Vec<Node> {
    let mut nodes = Vec::new();
    for number in 0..3 {
        let address = format!("10.0.0.{number}:7000");
        nodes.push(join(shared, number, Some(&address)).await.unwrap());
    }
    // The first two learn of the third within two looks.
    seconds(2.5).await;
    nodes
}

/// How many of the keys each node answers for.
async fn shares(nodes: &[Node], keys: &[KeyHash]) -> Vec<usize> {
    let mut shares = Vec::new();
    for node in nodes {
        let mut share = 0;
        for key in keys {
            share += usize::from(node.ticket(*key).await.is_some());
        }
        shares.push(share);
    }
    shares
}

#[tokio::test(start_paused = true)]
async fn a_node_alone_has_everything() {
    let cluster = Cluster::alone();
    let place = cluster.place(keys(1)[0], Instant::now()).await.unwrap();
    assert!(matches!(place, Place::Here(ticket) if ticket.holds()));

    let only = join(&shared(), 1, None).await.unwrap();
    assert_eq!(shares(&[only], &keys(100)).await, [100]);
}

#[tokio::test(start_paused = true)]
async fn three_share_all_keys_about_evenly() {
    let nodes = three(&shared()).await;
    let shares = shares(&nodes, &keys(3_000)).await;
    assert_eq!(shares.iter().sum::<usize>(), 3_000);
    assert!(
        shares.iter().all(|share| (850..1_150).contains(share)),
        "{shares:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_comes_takes_keys_from_all_and_moves_nothing_else() {
    let shared = shared();
    let nodes = three(&shared).await;
    let keys = keys(1_000);
    let mut before = Vec::new();
    for key in &keys {
        before.push((
            nodes[0].ticket(*key).await.is_some(),
            nodes[1].ticket(*key).await.is_some(),
        ));
    }
    let fourth = join(&shared, 3, Some("10.0.0.3:7000")).await.unwrap();
    seconds(2.5).await;
    let mut moved = 0;
    for (key, (was_first, was_second)) in keys.iter().zip(before) {
        if fourth.ticket(*key).await.is_some() {
            moved += 1;
            assert!(nodes[0].ticket(*key).await.is_none());
        } else {
            assert_eq!(nodes[0].ticket(*key).await.is_some(), was_first);
            assert_eq!(nodes[1].ticket(*key).await.is_some(), was_second);
        }
    }
    assert!((200..300).contains(&moved), "{moved}");
}

#[tokio::test(start_paused = true)]
async fn what_a_node_leaves_is_answered_at_once() {
    let mut nodes = three(&shared()).await;
    let keys = keys(300);
    let leaver = nodes.pop().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    leaver.membership.leave(deadline).await;
    assert!(Instant::now() < deadline);
    for key in &keys {
        assert!(leaver.ticket(*key).await.is_none());
        // It knows who has it now.
        let place = leaver.cluster.place(*key, Instant::now()).await;
        assert!(matches!(place, Ok(Place::There(_))));
    }
    seconds(2.0).await;
    assert_eq!(shares(&nodes, &keys).await.iter().sum::<usize>(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_death_is_found_within_ten_seconds_and_not_before_the_lease_is_over() {
    let mut nodes = three(&shared()).await;
    let keys = keys(300);
    let dead = nodes.pop().unwrap();
    let mut held = Vec::new();
    for key in &keys {
        if let Some(ticket) = dead.ticket(*key).await {
            held.push((*key, ticket));
        }
    }
    let Node { membership, .. } = dead;
    drop(membership);
    let died = Instant::now();
    loop {
        seconds(0.05).await;
        let is_over = held.iter().all(|(_, ticket)| !ticket.holds());
        let found = shares(&nodes, &keys).await.iter().sum::<usize>();
        assert!(is_over || found + held.len() == 300);
        if found == 300 {
            break;
        }
        assert!(died.elapsed() < Duration::from_secs(10));
    }
    assert!(
        nodes
            .iter()
            .all(|node| node.residents.taken_over.load(Ordering::Relaxed) > 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_beat_stops_answering_before_it_is_replaced_and_comes_back() {
    let nodes = three(&shared()).await;
    let keys = keys(300);
    nodes[2].partition(true);
    seconds(5.5).await;
    assert_eq!(shares(&nodes[2..], &keys).await, [0]);
    seconds(5.0).await;
    assert_eq!(shares(&nodes[..2], &keys).await.iter().sum::<usize>(), 300);
    nodes[2].partition(false);
    seconds(3.0).await;
    let shares = shares(&nodes, &keys).await;
    assert_eq!(shares.iter().sum::<usize>(), 300);
    assert!(shares[2] > 50, "{shares:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_others_cannot_reach_is_alone_or_does_not_start() {
    let shared = shared();
    let first = join(&shared, 1, None).await.unwrap();
    let held = |holders: &str| JoinError::Held {
        holders: holders.to_owned(),
    };
    let refused = join(&shared, 2, None).await.err();
    assert_eq!(refused, Some(held("node 1")));
    let refused = join(&shared, 3, Some("10.0.0.3:7000")).await.err();
    assert_eq!(refused, Some(held("node 1")));
    assert_eq!(shares(&[first], &keys(10)).await, [10]);

    // It has died with the end of `shares`: who comes now waits for that, and starts.
    let next = join(&shared, 4, Some("10.0.0.4:7000")).await.unwrap();
    let same = join(&shared, 5, Some("10.0.0.4:7000")).await.err();
    let expected = JoinError::SameAddress {
        holder: "node 4".to_owned(),
        address: "10.0.0.4:7000".to_owned(),
    };
    assert_eq!(same, Some(expected));
    assert_eq!(shares(&[next], &keys(10)).await, [10]);
}

#[tokio::test(start_paused = true)]
async fn after_all_have_died_one_that_comes_takes_over() {
    let shared = shared();
    let nodes = three(&shared).await;
    drop(nodes);
    let keys = keys(50);
    let next = join(&shared, 9, Some("10.0.0.9:7000")).await.unwrap();
    seconds(15.0).await;
    assert_eq!(shares(&[next], &keys).await, [50]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_counts_from_before_its_beat_was_sent() {
    let node = join(&shared(), 1, Some("10.0.0.1:7000")).await.unwrap();
    let sent = Arc::new(Mutex::new(Instant::now()));
    let noted = sent.clone();
    node.store.script(move |op| {
        matches!(op, Op::Commit(_)).then(|| {
            *noted.lock().unwrap() = Instant::now();
            Fault::Slow(Duration::from_millis(1_500))
        })
    });
    let first = *sent.lock().unwrap();
    while *sent.lock().unwrap() == first {
        seconds(0.01).await;
    }
    let last = *sent.lock().unwrap();
    // It is answered before the node is cut off.
    seconds(1.6).await;
    node.partition(true);
    let ticket = node.ticket(keys(1)[0]).await.unwrap();
    while ticket.holds() {
        seconds(0.01).await;
    }
    let held_for = last.elapsed().as_millis();
    assert!((4_990..=5_020).contains(&held_for), "{held_for}");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_comes_back_waits_for_what_is_left_of_its_earlier_time_here() {
    let shared = shared();
    let first = join(&shared, 1, Some("10.0.0.1:7000")).await.unwrap();
    let second = join(&shared, 2, Some("10.0.0.2:7000")).await.unwrap();
    seconds(2.0).await;
    let keys = keys(100);
    let mut moved = Vec::new();
    for key in keys {
        if second.ticket(key).await.is_some() {
            moved.push(key);
        }
    }
    // The actors of the first take their time from now on.
    first.residents.ends_after.store(3_000, Ordering::Relaxed);
    let deadline = Instant::now() + Duration::from_secs(10);
    second.membership.leave(deadline).await;
    let left = Instant::now();
    while first.ticket(moved[0]).await.is_none() {
        seconds(0.01).await;
    }
    assert!(
        left.elapsed() > Duration::from_millis(1_500),
        "{:?}",
        left.elapsed()
    );
    for key in moved {
        assert!(first.ticket(key).await.is_some());
    }
}
