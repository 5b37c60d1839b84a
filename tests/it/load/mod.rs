//! Customers at work on several servers while something is done to them, all of it recorded.

mod hand;

pub use hand::Shop;

use crate::history::{Final, Order, Recorder, Stock, lines_of};
use crate::process::api::Api;
use cartwright::domain::ids::Sku;
use cartwright::domain::stock::StockKey;
use cartwright::store::Stocks;
use futures::future::join_all;
use hand::{Hand, Progress};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How long a phase may take.
pub const PHASE_TIME: Duration = Duration::from_secs(60);
/// The product that everybody buys.
pub const GOODS: &str = r#"{"type":"product","id":"shirt","sku":"SHIRT","name":"Shirt","base_price":{"amount":333,"currency":"USD"},"stock":10000000}"#;
/// How many of it there were.
const RECEIVED: u64 = 10_000_000;
/// How much a customer asks for at once.
const HANDS: usize = 2;

/// Who is at work, and where.
pub struct Customer {
    pub name: String,
    pub token: String,
    pub shop: Arc<dyn Shop>,
    /// Whether carts that are shown are believed.
    pub reads: bool,
}

/// Everybody at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    hands: Vec<(Arc<Progress>, JoinHandle<()>)>,
}

impl Load {
    /// Has everybody begin.
    pub fn of(customers: Vec<Customer>, recorder: &Recorder) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut hands = Vec::new();
        for (i, customer) in customers.iter().enumerate() {
            for number in 0..HANDS {
                let progress = Arc::<Progress>::default();
                let hand = Hand {
                    customer: customer.name.clone(),
                    token: customer.token.clone(),
                    number,
                    shop: customer.shop.clone(),
                    reads: customer.reads,
                    recorder: recorder.clone(),
                    random: StdRng::seed_from_u64((i * HANDS + number) as u64),
                    progress: progress.clone(),
                    lines: Vec::new(),
                    asked: 0,
                };
                hands.push((progress, tokio::spawn(hand.work(stop.clone()))));
            }
        }
        Self { stop, hands }
    }

    /// Waits until every hand has got so much done, from now on.
    pub async fn goes_on(&self, changes: u64) {
        self.reached("acknowledged", changes, |progress| &progress.done)
            .await;
    }

    /// Waits until every hand was told to come again.
    pub async fn is_put_off(&self) {
        self.reached("told 503", 1, |progress| &progress.put_off)
            .await;
    }

    async fn reached(&self, what: &str, times: u64, count: fn(&Progress) -> &AtomicU64) {
        let now = |hand: &(Arc<Progress>, _)| count(&hand.0).load(Ordering::Relaxed);
        let goals: Vec<u64> = self.hands.iter().map(|hand| now(hand) + times).collect();
        let missing = || {
            let hands = self.hands.iter().zip(&goals).enumerate();
            let behind = hands.filter(|(_, (hand, goal))| now(hand) < **goal);
            behind
                .map(|(i, (hand, goal))| (i, *goal - now(hand)))
                .collect::<BTreeMap<_, _>>()
        };
        let waiting = async {
            while !missing().is_empty() {
                for (_, hand) in &self.hands {
                    assert!(!hand.is_finished(), "a hand has failed");
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(PHASE_TIME, waiting).await.is_err() {
            panic!(
                "hands that were not {what} so many times more: {:?}",
                missing()
            );
        }
    }

    /// Has everybody bring to its end what is under way.
    pub async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for ended in join_all(self.hands.into_iter().map(|(_, hand)| hand)).await {
            ended.unwrap();
        }
    }
}

/// What customers have in the end, by their names and tokens; nothing of the stock yet.
pub async fn belongings(api: &Api, customers: &[(String, String)]) -> Final {
    let mut end = Final::default();
    for (name, token) in customers {
        let cart = api.get("/cart", Some(token)).await;
        end.carts.insert(name.clone(), lines_of(&cart.body["data"]));
        let orders = api.orders(token).await;
        end.orders
            .insert(name.clone(), orders.iter().map(Order::of).collect());
    }
    end
}

/// The stock of [`GOODS`].
pub async fn stock(store: &impl Stocks) -> Stock {
    let key = StockKey::Sku(Sku::parse("SHIRT").unwrap());
    let level = store.stock(key).await.unwrap().value;
    assert_eq!(level.received, RECEIVED);
    Stock {
        received: level.received,
        available: level.available,
        held: level.held,
        sold: level.sold,
    }
}
