//! kill -9 in the middle of load, again and again over one folder of data: what was acknowledged
//! is there, and what was not takes effect exactly once when it is asked for again.

mod hand;
mod shopper;
mod stock;

use super::api::{Answer, Api, login, registration};
use super::binary::{Server, Shop};
use crate::history::{Final, Recorder, check};
use cartwright::sources::{Entropy, SystemEntropy};
use futures::future::join_all;
use hand::{Hand, Unanswered};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use shopper::Shopper;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

const ROUNDS: usize = 50;
/// How many shoppers are busy in a round, and how many hands each has.
const BUSY: usize = 6;
const HANDS: usize = 2;
/// How many register in a round, and before the first.
const NEWCOMERS: usize = 1;
const FIRST: usize = 8;

type Shared = Arc<Mutex<Shopper>>;

/// What is known of the shop, from the outside alone.
struct World {
    shop: Shop,
    recorder: Recorder,
    rng: StdRng,
    shoppers: Vec<Shared>,
    registered: usize,
    /// How many requests were under way when the server was killed.
    unanswered: usize,
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_and_nothing_is_done_twice() {
    let given = std::env::var("KILL_SEED").ok();
    let seed = given.map_or_else(
        || SystemEntropy.uuid().as_u64_pair().0,
        |seed| seed.parse().unwrap(),
    );
    println!("KILL_SEED={seed} repeats it, but for the timing");
    let mut world = World::new(seed);
    let mut server = world.start();
    for _ in 0..FIRST {
        let email = world.newcomer();
        let answer = Api::of(&server.url)
            .try_send(&registration(&email))
            .await
            .unwrap();
        world.admit(&email, &answer);
    }
    for round in 0..ROUNDS {
        world.recorder.phase(&format!("round {round}"));
        server = world.round(round, server).await;
    }
    world.close(server).await;
}

impl World {
    fn new(seed: u64) -> Self {
        let shop = Shop::new();
        let imported = shop.import(&shop.write("shop.ndjson", &stock::catalogue()), &[]);
        assert_eq!(imported.code, Some(0), "{imported:?}");
        let (rng, shoppers) = (StdRng::seed_from_u64(seed), Vec::new());
        Self {
            shop,
            recorder: Recorder::new("the first register"),
            rng,
            shoppers,
            registered: 0,
            unanswered: 0,
        }
    }

    fn start(&self) -> Server {
        self.shop.start(&["--demo-catalog", "off", "--log", "warn"])
    }

    fn newcomer(&mut self) -> String {
        self.registered += 1;
        format!("shopper-{}@example.com", self.registered)
    }

    fn admit(&mut self, email: &str, answer: &Answer) {
        let shopper = Shopper::new(email, answer);
        self.shoppers.push(Arc::new(Mutex::new(shopper)));
    }

    /// Load, kill, restart, and the check of everybody who was busy.
    async fn round(&mut self, round: usize, server: Server) -> Server {
        let busy = self.shoppers.choose_multiple(&mut self.rng, BUSY);
        let busy: Vec<Shared> = busy.cloned().collect();
        let newcomers: Vec<String> = (0..NEWCOMERS).map(|_| self.newcomer()).collect();
        let api = Api::of(&server.url);
        let hands = self.hands(round, &busy, &api);
        let registering: Vec<_> = newcomers
            .iter()
            .map(|email| {
                let (api, request) = (api.clone(), registration(email));
                tokio::spawn(async move { api.try_send(&request).await })
            })
            .collect();
        // When the server is killed is what the test is about; nothing waits for anything here.
        let life = Duration::from_millis(self.rng.random_range(20..400));
        tokio::time::sleep(life).await;
        server.kill();
        let registered = join_all(registering).await;
        let hands = join_all(hands).await.into_iter();
        let mut unanswered: Vec<Unanswered> = hands.filter_map(Result::unwrap).collect();
        self.unanswered += unanswered.len();
        if round % 10 == 9 {
            stock::adds_up(&self.shop.data()).await;
        }

        let server = self.start();
        let api = Api::of(&server.url);
        unanswered.shuffle(&mut self.rng);
        for unanswered in unanswered {
            unanswered.again(&api).await;
        }
        for (email, answer) in newcomers.iter().zip(registered) {
            let answer = registered_once(&api, email, answer.unwrap()).await;
            self.admit(email, &answer);
        }
        let looks = busy.iter();
        join_all(looks.map(|shopper| shopper::look(&api, &self.recorder, shopper))).await;
        server
    }

    fn hands(
        &mut self,
        round: usize,
        busy: &[Shared],
        api: &Api,
    ) -> Vec<JoinHandle<Option<Unanswered>>> {
        let numbered = busy
            .iter()
            .flat_map(|shopper| (0..HANDS).map(move |n| (shopper, n)));
        numbered
            .map(|(shopper, number)| {
                let rng = StdRng::from_rng(&mut self.rng);
                let recorder = self.recorder.clone();
                let hand = Hand::new(shopper.clone(), recorder, round, number, rng);
                tokio::spawn(hand.work(api.clone()))
            })
            .collect()
    }

    /// Checks everybody, stops the server as an operator would, and counts the stock.
    async fn close(self, server: Server) {
        self.recorder.phase("everything is looked at");
        let api = Api::of(&server.url);
        let (mut sold, mut orders, mut end) = (BTreeMap::new(), Vec::new(), Final::default());
        for shopper in &self.shoppers {
            let (cart, placed) = shopper::look(&api, &self.recorder, shopper).await;
            let shopper = shopper.lock().unwrap();
            shopper.count_sold(&mut sold);
            orders.extend(shopper.order_ids());
            end.carts.insert(shopper.email.clone(), cart);
            end.orders.insert(shopper.email.clone(), placed);
        }
        let (placed, unanswered) = (orders.len(), self.unanswered);
        println!("{placed} orders, {unanswered} requests cut off, sold: {sold:?}");
        assert!(placed > 0 && unanswered > 0, "there was no load");
        server.stop();
        end.stock = stock::settled(&self.shop.data(), &sold, &orders).await;
        let verdict = check(&self.recorder.history(), &end);
        println!("{verdict}");
        verdict.assert_holds();
    }
}

/// Somebody who asked to be registered is so at once or at the next try, and once.
async fn registered_once(api: &Api, email: &str, answer: Option<Answer>) -> Answer {
    let was_told = answer.is_some();
    if let Some(answer) = answer {
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    let again = api.try_send(&registration(email)).await.unwrap();
    match again.status {
        201 if !was_told => again,
        409 => {
            let session = api.try_send(&login(email)).await.unwrap();
            assert_eq!(session.status, 200, "{session:?}");
            session
        }
        _ => panic!("registered: {was_told}, then {again:?}"),
    }
}
