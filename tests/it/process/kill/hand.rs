//! One of a shopper's hands: it asks for one thing after the other until the server is gone. What
//! it asks for it can tell from everything else: each line that it adds carries a name of its own.

use super::{Shared, stock};
use crate::app::order_body;
use crate::history::{Asked, Call, Recorder};
use crate::process::api::{Answer, Api, Request, post};
use rand::Rng;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::json;

pub struct Hand {
    shopper: Shared,
    recorder: Recorder,
    round: usize,
    number: usize,
    rng: StdRng,
    asked: usize,
}

/// What was asked for, and no answer came.
pub struct Unanswered {
    shopper: Shared,
    recorder: Recorder,
    /// Nothing, where it was the next refresh token.
    asked: Option<Asked>,
    request: Request,
}

impl Hand {
    pub fn new(
        shopper: Shared,
        recorder: Recorder,
        round: usize,
        number: usize,
        rng: StdRng,
    ) -> Self {
        Self {
            shopper,
            recorder,
            round,
            number,
            rng,
            asked: 0,
        }
    }

    /// Asks until no answer comes.
    pub async fn work(mut self, api: Api) -> Option<Unanswered> {
        loop {
            let (call, request) = self.next();
            let email = self.shopper.lock().unwrap().email.clone();
            let asked = call.map(|call| self.recorder.asks(&email, call));
            match api.try_send(&request).await {
                Some(answer) if answer.status != 503 => {
                    assert!(!answer.replayed, "{request:?}");
                    learn(&self.shopper, &self.recorder, asked, &answer);
                }
                _ => {
                    return Some(Unanswered {
                        shopper: self.shopper,
                        recorder: self.recorder,
                        asked,
                        request,
                    });
                }
            }
        }
    }

    /// What is asked for next; nothing stands for the next refresh token.
    fn next(&mut self) -> (Option<Call>, Request) {
        self.asked += 1;
        let name = format!("{}.{}.{}", self.round, self.number, self.asked);
        let shopper = self.shopper.lock().unwrap();
        let own = |line: &str| line.starts_with(&format!("{}.{}.", self.round, self.number));
        let line = shopper.some_line(own, &mut self.rng);
        let (call, mut request) = match (self.rng.random_range(0..100), line) {
            (0..3, _) if self.number == 0 => return (None, shopper.refresh_request()),
            (3..18, _) => {
                let mut body = order_body();
                body["notes"] = name.as_str().into();
                (
                    Call::Order { name: name.clone() },
                    post("/orders", None, body),
                )
            }
            (18..48, Some((line, id, now))) => {
                let quantity = (now + self.rng.random_range(1..4) - 1) % 4 + 1;
                let body = Some(json!({"quantity": quantity}));
                let request = line_request(Method::PATCH, &id, body);
                (Call::Set { line, quantity }, request)
            }
            (48..63, Some((line, id, _))) => {
                let request = line_request(Method::DELETE, &id, None);
                (Call::Remove { line }, request)
            }
            _ => {
                let product = stock::product_of(self.round, &mut self.rng);
                let (line, quantity) = (name.clone(), self.rng.random_range(1..4));
                let body = json!({
                    "product_id": product, "quantity": quantity, "attributes": {"name": line},
                });
                let request = post("/cart/items", None, body);
                (Call::Add { line, quantity }, request)
            }
        };
        request.token = Some(shopper.access_token.clone());
        request.key = Some(name);
        (Some(call), request)
    }
}

/// Takes note of an answer.
fn learn(shopper: &Shared, recorder: &Recorder, asked: Option<Asked>, answer: &Answer) {
    let mut shopper = shopper.lock().unwrap();
    match asked {
        Some(asked) => {
            shopper.learn(&asked.call, answer);
            recorder.answered(asked, answer, true);
        }
        None => shopper.enter(answer),
    }
}

fn line_request(method: Method, id: &str, body: Option<serde_json::Value>) -> Request {
    Request {
        method,
        path: format!("/cart/items/{id}"),
        token: None,
        key: None,
        body,
    }
}

impl Unanswered {
    /// Asks again, with the same key: from here on it is known what became of it.
    pub async fn again(mut self, api: &Api) {
        if let Some(asked) = &mut self.asked {
            asked.last_sent = self.recorder.now();
        }
        let mut answer: Answer = api.try_send(&self.request).await.unwrap();
        // The rotation took effect and its answer was lost: the session is, too.
        if self.asked.is_none() && answer.status == 401 {
            let login = self.shopper.lock().unwrap().login_request();
            answer = api.try_send(&login).await.unwrap();
        }
        learn(&self.shopper, &self.recorder, self.asked, &answer);
    }
}
