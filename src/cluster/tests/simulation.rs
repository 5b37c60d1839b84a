//! Nodes that come, leave, die and lose their store, as a seed says: no two ever answer for one key,
//! and once it is quiet every key is answered for.

use super::*;
use rand::Rng;

const SEEDS: u64 = 100;
const KEYS: u128 = 16;

/// Tickets that were given out, each with the node and the key that it is for.
#[derive(Default)]
struct Tickets(Vec<(u64, KeyHash, Ticket)>);

impl Tickets {
    /// Has every node say what it would answer for, and checks that nobody else would.
    async fn sample(&mut self, nodes: &[(u64, Node)], seed: u64) {
        self.0.retain(|(_, _, ticket)| ticket.holds());
        for (number, node) in nodes {
            for key in keys(KEYS) {
                // The oldest that holds is the one that may hold too long.
                let is_held = self
                    .0
                    .iter()
                    .any(|(of, held, _)| of == number && *held == key);
                if !is_held && let Some(ticket) = node.ticket(key).await {
                    self.0.push((*number, key, ticket));
                }
            }
        }
        for key in keys(KEYS) {
            let holders = self.0.iter().filter(|(_, held, _)| *held == key);
            let mut holders: Vec<_> = holders.map(|(number, ..)| *number).collect();
            holders.dedup();
            let first = holders.first().copied();
            assert!(
                holders.iter().all(|one| Some(*one) == first),
                "seed {seed}: {holders:?} answer for one key"
            );
        }
    }

    fn forget(&mut self, node: u64) {
        self.0.retain(|(number, ..)| *number != node);
    }
}

async fn simulate(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let shared = shared();
    let (mut nodes, mut tickets) = (Vec::new(), Tickets::default());
    let plan = |number| FaultPlan {
        longest_delay: Duration::from_millis(1_500),
        ..FaultPlan::seeded(seed * 1_000 + number, 5)
    };
    let mut number = 0;
    for _ in 0..12 {
        match random.random_range(0..10) {
            0..5 if nodes.len() < 5 => {
                number += 1;
                let address = format!("10.0.0.{number}:7000");
                let joined = join_with(&shared, number, Some(&address), plan(number));
                // Where others are cut off it may take too long.
                if let Ok(node) = joined.await {
                    nodes.push((number, node));
                }
            }
            5 if nodes.len() > 1 => {
                let (number, node) = nodes.swap_remove(random.random_range(0..nodes.len()));
                let deadline = Instant::now() + Duration::from_secs(10);
                node.membership.leave(deadline).await;
                tickets.sample(&nodes, seed).await;
                tickets.forget(number);
            }
            6 if nodes.len() > 1 => {
                let (number, _) = nodes.swap_remove(random.random_range(0..nodes.len()));
                tickets.forget(number);
            }
            7..9 if !nodes.is_empty() => {
                let (_, node) = &nodes[random.random_range(0..nodes.len())];
                node.partition(true);
            }
            _ => nodes
                .iter()
                .for_each(|(_, node)| node.store.script(|_| None)),
        }
        for _ in 0..random.random_range(1..40) {
            tickets.sample(&nodes, seed).await;
            sleep(Duration::from_millis(random.random_range(1..300))).await;
        }
    }
    for (_, node) in &nodes {
        // Nothing goes wrong any more, nor by the plan.
        node.store
            .script(|_| Some(Fault::Slow(Duration::from_millis(1))));
    }
    for _ in 0..400 {
        tickets.sample(&nodes, seed).await;
        sleep(Duration::from_millis(75)).await;
    }
    for key in keys(KEYS) {
        let mut answering = 0;
        for (_, node) in &nodes {
            answering += usize::from(node.ticket(key).await.is_some());
        }
        assert_eq!(answering, usize::from(!nodes.is_empty()), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_two_nodes_ever_answer_for_one_key() {
    let seeds = match std::env::var("CARTWRIGHT_TEST_SEED") {
        Ok(seed) => seed.parse().unwrap()..seed.parse::<u64>().unwrap() + 1,
        Err(_) => 0..SEEDS,
    };
    for seed in seeds {
        simulate(seed).await;
    }
}
