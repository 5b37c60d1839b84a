//! A node that dies at some step of checkout, over a keyspace of whose operations 5 % go wrong, and
//! a successor that fares no better: the retry with the key makes one order in all.
//!
//! A failing run prints its seed. `CARTWRIGHT_TEST_SEED=17 tests/run checkout_unlucky` draws its
//! faults again, and no others; which operation meets which follows from the time as well.

use super::audit::{assert_books, attempts, orders};
use super::checkout_crash::{
    Side, attempt_put, attempt_removed, die, order_commit, shopper, stock_commit,
};
use crate::seeds::seeds;
use crate::world::{World, order_request, reached};
use cartwright::domain::ids::UserId;
use cartwright::domain::order::Order;
use cartwright::store::Store;
use cartwright::store::fault::{FaultPlan, Op};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// For so long seeds are begun, unless their number is given.
const TIME: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_among_faults_leaves_one_order() {
    for seed in seeds(TIME) {
        let Some((world, _keyspace)) = World::in_keyspace().await else {
            return;
        };
        run(&world, seed).await;
    }
}

fn plan(seed: u64) -> FaultPlan {
    FaultPlan {
        longest_delay: Duration::from_millis(200),
        ..FaultPlan::seeded(seed, 5)
    }
}

/// What a node dies at.
type Step = fn(&Op<'_>) -> bool;

async fn run(world: &World<impl Store>, seed: u64) {
    let user = shopper(world).await;
    let mut random = StdRng::seed_from_u64(seed);
    let side = [Side::Before, Side::After][random.random_range(0..2)];
    let steps: [(Step, usize); 4] = [
        (attempt_put, 1),
        (stock_commit, 4),
        (order_commit, 1),
        (attempt_removed, 1),
    ];
    let (matches, times) = steps[random.random_range(0..steps.len())];
    let nth = random.random_range(1..=times);

    let node = world.another_with(2, plan(seed)).await;
    let death = die(&node.store, side, nth, matches);
    tokio::select! {
        () = reached(&death) => {}
        // It was refused so often that it came to another number of steps, or the step is behind
        // the answer.
        _ = place(&node, user) => {}
    }
    node.kill();
    std::mem::forget(death);

    let successor = world.another_with(3, plan(seed + 1_000_000)).await;
    let placed = place(&successor, user).await;
    successor.system.stop(crate::world::soon()).await;
    let last = world.another(4).await;
    let ended = async {
        while !attempts(&last).await.is_empty() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let in_vain = format!("seed {seed}: attempts are left");
    timeout(Duration::from_secs(30), ended)
        .await
        .expect(&in_vain);
    assert_books(&last, &[user]).await;
    assert_eq!(
        orders(&last, user).await,
        [Order::clone(&placed)],
        "seed {seed}"
    );
    last.system.stop(crate::world::soon()).await;
}

/// Asks for the order, with its key, until it is there.
async fn place(node: &World<impl Store>, user: UserId) -> Arc<Order> {
    let mut refusals = Vec::new();
    for _ in 0..100 {
        let asked = node
            .users
            .ask(user, order_request(Some("k")), crate::world::soon());
        match asked.await.and_then(|reply| reply.into_order()) {
            Ok(order) => return order,
            Err(refusal) => refusals.push(refusal),
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("the order was never placed: {refusals:#?}");
}
