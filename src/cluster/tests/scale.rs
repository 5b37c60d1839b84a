//! Fifty nodes: what `docs/scaling.md` says of them.

use super::*;
use crate::store::encoding::encode;
use crate::store::{Membership as _, View};

const NODES: u64 = 50;

async fn fifty(shared: &Shared) -> Vec<Node> {
    let mut nodes = Vec::new();
    for number in 0..NODES {
        let address = format!("cartwright-{number}.shop.internal:7100");
        nodes.push(join(shared, number, Some(&address)).await.unwrap());
    }
    nodes
}

/// Whether every node knows the latest view, and that all others have adopted it.
async fn has_converged(shared: &Shared, nodes: &[Node]) -> bool {
    let latest = shared.view().await.unwrap().version;
    let knows = |node: &Node| {
        let standing = node.cluster.0.as_ref().unwrap().standing.load();
        standing.number == latest && standing.is_settled()
    };
    nodes.iter().all(knows)
}

async fn converged_after(shared: &Shared, nodes: &[Node]) -> Duration {
    let begun = Instant::now();
    while !has_converged(shared, nodes).await {
        seconds(0.01).await;
    }
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn fifty_nodes_agree_within_seconds_and_cost_the_store_little() {
    let shared = shared();
    let mut nodes = fifty(&shared).await;
    let joined = converged_after(&shared, &nodes).await;
    let view: View = shared.view().await.unwrap().value;
    let bytes = encode(&view).len();

    let (reads, commits) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    for node in &nodes {
        let (reads, commits) = (reads.clone(), commits.clone());
        node.store.script(move |op| {
            let count = if matches!(op, Op::Commit(_)) {
                &commits
            } else {
                &reads
            };
            count.fetch_add(1, Ordering::Relaxed);
            None
        });
    }
    seconds(100.0).await;
    let per_second = |count: &AtomicU64| count.load(Ordering::Relaxed).div_ceil(100);
    let (reads, commits) = (per_second(&reads), per_second(&commits));

    drop(nodes.pop());
    let died = Instant::now();
    while shared.view().await.unwrap().value.members.len() == 50 {
        seconds(0.01).await;
    }
    let removed = died.elapsed();
    let adopted = converged_after(&shared, &nodes).await;
    println!(
        "50 nodes: the last who joined is known after {joined:?}; a view has {bytes} bytes; {commits} \
         conditional writes and {reads} reads a second; a death is found after {removed:?}, and \
         everybody has adopted that {adopted:?} later"
    );
    assert!(joined <= Duration::from_secs(2), "{joined:?}");
    assert!(bytes < 6 * 1_024, "{bytes}");
    assert!((45..=55).contains(&commits), "{commits}");
    assert!(reads <= 4 * 55, "{reads}");
    assert!(removed <= Duration::from_millis(8_500), "{removed:?}");
    assert!(adopted <= Duration::from_secs(2), "{adopted:?}");
}
