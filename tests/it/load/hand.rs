//! One of a customer's hands: it asks for one thing after the other, and records what it is told.

use crate::app::order_body;
use crate::history::{Call, Outcome, Recorder, lines_of, name_of};
use crate::process::api::{Answer, Request};
use async_trait::async_trait;
use rand::Rng;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between repetitions: shorter than `Retry-After` says, to meet more.
const PAUSE: Duration = Duration::from_millis(100);
/// Between requests: the machine is shared with several nodes, one of which starts meanwhile.
const THOUGHT: Duration = Duration::from_millis(50);
/// For so long a request is repeated.
const PATIENCE: Duration = Duration::from_secs(90);

/// Whoever is asked.
#[async_trait]
pub trait Shop: Send + Sync {
    /// The answer; `None` where it will never be known. A number is drawn for whoever has the choice.
    async fn send(&self, request: &Request, drawn: usize) -> Option<Answer>;
}

/// How far a hand has come.
#[derive(Default)]
pub struct Progress {
    /// Changes that were acknowledged.
    pub done: AtomicU64,
    /// Answers that said 503.
    pub put_off: AtomicU64,
}

pub struct Hand {
    pub customer: String,
    pub token: String,
    /// Tells its lines and orders from those of the customer's other hand.
    pub number: usize,
    pub shop: Arc<dyn Shop>,
    /// Whether it looks at the cart as well, and believes what it sees. Of two servers that believe
    /// that they own it one may show what was, as long as it changes nothing.
    pub reads: bool,
    pub recorder: Recorder,
    pub random: StdRng,
    pub progress: Arc<Progress>,
    /// Lines that it added and that may still be there: name and id.
    pub lines: Vec<(String, String)>,
    pub asked: u64,
}

impl Hand {
    /// Asks until it is told to stop; what is under way by then is brought to its end.
    pub async fn work(mut self, stop: Arc<AtomicBool>) {
        while !stop.load(Ordering::Relaxed) {
            self.asked += 1;
            let (call, mut request) = self.next();
            request.token = Some(self.token.clone());
            // What has no key is not repeated: nobody will know what became of it.
            let is_keyed = call == Call::Read || self.random.random_bool(0.6);
            if is_keyed && call != Call::Read {
                request.key = Some(self.name());
            }
            self.ask(call, &request, is_keyed).await;
            sleep(THOUGHT).await;
        }
    }

    /// A name that nobody else has.
    fn name(&self) -> String {
        format!("{}.{}", self.number, self.asked)
    }

    fn next(&mut self) -> (Call, Request) {
        let own = self.lines.len();
        match self.random.random_range(0..100) {
            0..25 if self.reads => (Call::Read, request(Method::GET, "/cart", None)),
            25..33 => {
                let mut body = order_body();
                body["notes"] = self.name().into();
                let name = self.name();
                let request = request(Method::POST, "/orders", Some(body));
                (Call::Order { name }, request)
            }
            33..38 if own > 0 => {
                let (line, id) = self.lines[self.random.random_range(0..own)].clone();
                let path = format!("/cart/items/{id}");
                (Call::Remove { line }, request(Method::DELETE, &path, None))
            }
            38..63 if own > 0 => {
                let (line, id) = self.lines[self.random.random_range(0..own)].clone();
                // One that the line never had.
                let quantity = 10 + self.asked % 900;
                let body = json!({"quantity": quantity});
                let path = format!("/cart/items/{id}");
                let request = request(Method::PATCH, &path, Some(body));
                (Call::Set { line, quantity }, request)
            }
            _ => {
                let (line, quantity) = (self.name(), self.random.random_range(1..10));
                let attributes = json!({"name": line});
                let body = json!({
                    "product_id": "shirt", "quantity": quantity, "attributes": attributes,
                });
                let request = request(Method::POST, "/cart/items", Some(body));
                (Call::Add { line, quantity }, request)
            }
        }
    }

    async fn ask(&mut self, call: Call, request: &Request, is_repeated: bool) {
        let mut asked = self.recorder.asks(&self.customer, call);
        let deadline = Instant::now() + PATIENCE;
        loop {
            asked.last_sent = self.recorder.now();
            let drawn = self.random.random_range(0..usize::MAX);
            match self.shop.send(request, drawn).await {
                Some(answer) if answer.status != 503 => {
                    self.learn(&asked.call, &answer);
                    self.recorder.answered(asked, &answer, self.reads);
                    return;
                }
                Some(answer) => {
                    assert!(answer.retry_after >= Some(1), "{request:?}: {answer:?}");
                    asked.put_off.push(self.recorder.now());
                    self.progress.put_off.fetch_add(1, Ordering::Relaxed);
                }
                None => {}
            }
            if !is_repeated || Instant::now() > deadline {
                self.recorder.ends(asked, Outcome::Unknown);
                return;
            }
            sleep(PAUSE).await;
        }
    }

    fn learn(&mut self, call: &Call, answer: &Answer) {
        if answer.is_success() && *call != Call::Read {
            self.progress.done.fetch_add(1, Ordering::Relaxed);
        }
        let data = &answer.body["data"];
        match (call, answer.status) {
            (Call::Add { line, .. }, 200) => {
                let items = data["items"].as_array().unwrap();
                let item = items.iter().find(|item| name_of(item) == line);
                // Gone already, where an order came between the effect and this answer.
                let id = item.map(|item| item["id"].as_str().unwrap().to_owned());
                self.lines.extend(id.map(|id| (line.clone(), id)));
            }
            (Call::Set { line, .. }, 404) | (Call::Remove { line }, 200 | 404) => {
                self.lines.retain(|(name, _)| name != line)
            }
            (Call::Order { .. }, 201) => {
                let taken = lines_of(data);
                self.lines.retain(|(name, _)| !taken.contains_key(name));
            }
            _ => {}
        }
    }
}

fn request(method: Method, path: &str, body: Option<Value>) -> Request {
    Request {
        method,
        path: path.to_owned(),
        token: None,
        key: None,
        body,
    }
}
