//! Simulated histories: users, two owners and a store that fails, all following from one seed.
//!
//! Every change is an operation of its own attribute, so that what the store holds in the end tells
//! of each whether it took effect, and how often. `HISTORY_SEED=17 cargo test history` replays one
//! seed alone; `HISTORY_SEEDS=5000` tries more of them.

use crate::world::{BOUNDS, World};
use cartwright::actors::Failure;
use cartwright::actors::user::{Reply, Users};
use cartwright::domain::cart::Cart;
use cartwright::domain::ids::{LineId, ProductId, UserId};
use cartwright::domain::user::{Command, Key, Rejection, Request};
use cartwright::store::fault::FaultPlan;
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;
use tokio::time::Instant;

const SEEDS: u64 = 100;
const USERS: usize = 2;
const CLIENTS: u64 = 3;
const STEPS: u64 = 8;
const RETRIES: usize = 3;

/// What a client knows of one of its lines: the quantities that it may have.
#[derive(Clone, Debug)]
struct Known {
    possible: Vec<RangeInclusive<u32>>,
}

impl Known {
    fn exactly(quantity: u32) -> Self {
        Self {
            possible: vec![quantity..=quantity],
        }
    }

    fn may_be(&self, quantity: u32) -> bool {
        self.possible.iter().any(|range| range.contains(&quantity))
    }

    /// A change that may, or may not, have taken effect.
    fn or(mut self, other: Self) -> Self {
        self.possible.extend(other.possible);
        self
    }

    fn plus(&self, units: u32) -> Self {
        let more = |range: &RangeInclusive<u32>| range.start() + units..=range.end() + units;
        Self {
            possible: self.possible.iter().map(more).collect(),
        }
    }
}

/// What is known of a change that was not answered as done.
enum Unknown {
    /// It has not taken effect, and never will.
    Never,
    /// It may have, or may yet.
    Perhaps,
}

/// One client of a user. Its lines, told apart by an attribute, are nobody else's.
struct Client {
    name: String,
    user: UserId,
    owners: [Users; 2],
    random: StdRng,
    known: BTreeMap<String, Known>,
    lines: BTreeMap<String, LineId>,
    keys: u64,
}

impl Client {
    async fn run(mut self) -> (UserId, BTreeMap<String, Known>) {
        for _ in 0..STEPS {
            let line = format!("{}-{}", self.name, self.random.random_range(0..3));
            let units = self.random.random_range(1..=3);
            match self.random.random_range(0..10) {
                0..=5 => self.add(line, units).await,
                6..=7 => self.set(line, units).await,
                _ => self.remove(line).await,
            }
            let pause = self.random.random_range(0..300);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        (self.user, self.known)
    }

    fn was(&self, line: &str) -> Known {
        self.known
            .get(line)
            .cloned()
            .unwrap_or_else(|| Known::exactly(0))
    }

    async fn add(&mut self, line: String, units: u32) {
        let command = Command::AddItem {
            product_id: ProductId::parse("shirt").unwrap(),
            variant_id: None,
            quantity: i64::from(units),
            attributes: BTreeMap::from([("line".to_owned(), line.clone())]),
        };
        let was = self.was(&line);
        let done = self.ask(command).await;
        self.note(&line, done, was.plus(units));
    }

    async fn set(&mut self, line: String, units: u32) {
        let Some(id) = self.lines.get(&line) else {
            return;
        };
        let command = Command::SetQuantity {
            line: *id,
            quantity: i64::from(units),
        };
        let done = self.ask(command).await;
        self.note(&line, done, Known::exactly(units));
    }

    async fn remove(&mut self, line: String) {
        let Some(id) = self.lines.get(&line) else {
            return;
        };
        let done = self.ask(Command::RemoveItem(*id)).await;
        self.note(&line, done, Known::exactly(0));
    }

    /// Asks, and asks again with the same key where it was not to be known.
    async fn ask(&mut self, command: Command) -> Result<Reply, Unknown> {
        self.keys += 1;
        let key = Some(Key {
            key: format!("{}-{}", self.name, self.keys),
            fingerprint: [7; 32],
        });
        let request = Request {
            key,
            ..Request::of(command, 0)
        };
        let mut unknown = Unknown::Never;
        for _ in 0..=RETRIES {
            // Routing changes at any time, and many a client does not wait for long.
            let owner = &self.owners[self.random.random_range(0..2)];
            let patience = Duration::from_millis(self.random.random_range(1..=1_000));
            let deadline = Instant::now() + patience;
            match owner.ask(self.user, request.clone(), deadline).await {
                Ok(reply) => return Ok(reply),
                Err(Failure::Unavailable) => unknown = Unknown::Perhaps,
                // By an owner that may be stale: it says nothing of what went before.
                Err(Failure::Rejected(Rejection::ItemNotFound)) => break,
                Err(other) => panic!("{other:?}"),
            }
        }
        Err(unknown)
    }

    fn note(&mut self, line: &str, done: Result<Reply, Unknown>, after: Known) {
        let was = self.was(line);
        match done {
            // It took effect, but the cart is that of an owner that may be stale.
            Ok(Reply { replayed: true, .. }) => {
                self.known.insert(line.to_owned(), after);
            }
            Ok(reply) => {
                let cart = reply.into_cart().unwrap().cart;
                let (id, quantity) = find(&cart, line);
                assert!(
                    after.may_be(quantity),
                    "{line} was answered with {quantity}, not {after:?}"
                );
                self.lines.remove(line);
                self.lines.extend(id.map(|id| (line.to_owned(), id)));
                self.known.insert(line.to_owned(), Known::exactly(quantity));
            }
            Err(Unknown::Perhaps) => {
                self.known.insert(line.to_owned(), was.or(after));
            }
            Err(Unknown::Never) => {}
        }
    }
}

/// The line with this attribute, and how many units it has.
fn find(cart: &Cart, line: &str) -> (Option<LineId>, u32) {
    let found = cart
        .lines
        .iter()
        .filter(|it| it.attributes.values().any(|value| value == line));
    let found: Vec<_> = found.collect();
    assert!(found.len() <= 1, "{line} is there {} times", found.len());
    found
        .first()
        .map_or((None, 0), |it| (Some(it.id), it.quantity))
}

/// How many changes of how many were answered as done.
async fn history(seed: u64) -> u64 {
    let mut random = StdRng::seed_from_u64(seed);
    let percent = random.random_range(5..=15);
    let world = World::with(FaultPlan::seeded(seed, percent), BOUNDS).await;
    world.store.script(|_| None);
    let other = world.sibling(seed.wrapping_add(1)).await;
    let mut clients = Vec::new();
    for at in 0..USERS {
        let user = register(&world, at).await;
        for client in 0..CLIENTS {
            clients.push(Client {
                name: format!("c{client}"),
                user,
                owners: [world.users.clone(), other.users.clone()],
                random: StdRng::seed_from_u64(random.random()),
                known: BTreeMap::new(),
                lines: BTreeMap::new(),
                keys: 0,
            });
        }
    }
    let outcomes = join_all(clients.into_iter().map(Client::run)).await;
    // Late copies have landed by then.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let mut checked = 0;
    for (user, known) in outcomes {
        let cart = world.stored(user).await.value.cart;
        for (line, known) in known {
            let (_, stored) = find(&cart, &line);
            assert!(known.may_be(stored), "{line} is {stored}, not {known:?}");
            checked += 1;
        }
    }
    checked
}

/// Registers despite the faults.
async fn register(world: &World, at: usize) -> UserId {
    let user = UserId(uuid::Uuid::from_u128(at as u128 + 1));
    while world
        .ask(user, crate::world::open(world, user))
        .await
        .is_err()
    {}
    user
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn run(seed: u64) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(history(seed))
}

#[test]
fn whatever_fails_each_change_takes_effect_once_or_was_not_acknowledged() {
    let seeds = match from_environment("HISTORY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..from_environment("HISTORY_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| run(seed));
        match outcome {
            Ok(checked) => assert!(checked > 0, "seed {seed} did nothing"),
            Err(cause) => {
                eprintln!("replay with HISTORY_SEED={seed} cargo test history");
                std::panic::resume_unwind(cause);
            }
        }
    }
}

#[test]
fn a_seed_gives_the_same_history_each_time() {
    assert_eq!(run(3), run(3));
}
