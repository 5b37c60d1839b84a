//! Workers of the tree.

use super::*;
use futures::FutureExt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A worker that counts its runs and panics in those that `panics` names.
fn counting(panics: fn(usize) -> bool) -> (Periodic, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let periodic = Periodic {
        name: "test",
        every: Duration::from_secs(1),
        job: Arc::new(move || {
            let run = counted.fetch_add(1, Ordering::Relaxed);
            async move { assert!(!panics(run), "told to panic") }.boxed()
        }),
    };
    (periodic, runs)
}

async fn seconds(count: u64) {
    let half = Duration::from_millis(500);
    tokio::time::sleep(Duration::from_secs(count) + half).await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_runs_once_a_period() {
    let (tree, []) = Supervision::start::<0>().await.unwrap();
    let (periodic, runs) = counting(|_| false);
    tree.supervise(periodic);
    seconds(10).await;
    assert_eq!(runs.load(Ordering::Relaxed), 10);
    tree.stop();
    seconds(10).await;
    assert_eq!(runs.load(Ordering::Relaxed), 10);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_panics_runs_again_and_so_do_its_siblings() {
    let (tree, []) = Supervision::start::<0>().await.unwrap();
    let (poisoned, poisoned_runs) = counting(|run| run % 2 == 0);
    let (always, always_runs) = counting(|_| true);
    let (sound, sound_runs) = counting(|_| false);
    for periodic in [poisoned, always, sound] {
        tree.supervise(periodic);
    }
    seconds(10).await;
    for runs in [poisoned_runs, always_runs, sound_runs] {
        assert_eq!(runs.load(Ordering::Relaxed), 10);
    }
}

#[tokio::test(start_paused = true)]
async fn every_shard_that_is_killed_is_replaced_again_and_again() {
    let (_tree, [shards]) = Supervision::start::<1>().await.unwrap();
    for _ in 0..3 {
        for hash in 0..SHARDS as u64 {
            shards.of(hash).kill();
        }
        seconds(0).await;
        for hash in 0..SHARDS as u64 {
            let status = shards.of(hash).get_status();
            assert_eq!(status, ractor::ActorStatus::Running, "shard {hash}");
        }
    }
}
