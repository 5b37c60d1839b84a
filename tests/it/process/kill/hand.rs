//! One of a shopper's hands: it asks for one thing after the other until the server is gone. What
//! it asks for it can tell from everything else: each line that it adds carries a name of its own.

use super::{Shared, stock};
use crate::app::order_body;
use crate::process::api::{Answer, Api, Request, post};
use rand::Rng;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::json;

/// What is asked for.
#[derive(Clone, Debug)]
pub enum Wish {
    /// A new line, with a name that no other has.
    Add { name: String, quantity: u64 },
    /// Another quantity of a line of this hand's.
    Set { name: String, quantity: u64 },
    /// A line of this hand's to be gone.
    Remove { name: String },
    /// Everything in the cart. None of these lines: they were gone before.
    Order { removed: Vec<String> },
    /// The next refresh token.
    Refresh,
}

pub struct Hand {
    shopper: Shared,
    round: usize,
    number: usize,
    rng: StdRng,
    asked: usize,
}

/// What was asked for, and no answer came.
pub struct Unanswered {
    shopper: Shared,
    wish: Wish,
    request: Request,
}

impl Hand {
    pub fn new(shopper: Shared, round: usize, number: usize, rng: StdRng) -> Self {
        Self {
            shopper,
            round,
            number,
            rng,
            asked: 0,
        }
    }

    /// Asks until no answer comes.
    pub async fn work(mut self, api: Api) -> Option<Unanswered> {
        loop {
            let (wish, request) = self.next();
            match api.try_send(&request).await {
                Some(answer) if answer.status != 503 => {
                    assert!(!answer.replayed, "{request:?}");
                    self.shopper.lock().unwrap().learn(&wish, &answer);
                }
                _ => {
                    return Some(Unanswered {
                        shopper: self.shopper,
                        wish,
                        request,
                    });
                }
            }
        }
    }

    fn next(&mut self) -> (Wish, Request) {
        self.asked += 1;
        let name = format!("{}.{}.{}", self.round, self.number, self.asked);
        let shopper = self.shopper.lock().unwrap();
        let own = |line: &str| line.starts_with(&format!("{}.{}.", self.round, self.number));
        let line = shopper.some_line(own, &mut self.rng);
        let (wish, mut request) = match (self.rng.random_range(0..100), line) {
            (0..3, _) if self.number == 0 => (Wish::Refresh, shopper.refresh_request()),
            (3..18, _) => {
                let removed = shopper.removed();
                (Wish::Order { removed }, post("/orders", None, order_body()))
            }
            (18..48, Some((name, id, now))) => {
                let quantity = (now + self.rng.random_range(1..4) - 1) % 4 + 1;
                let body = Some(json!({"quantity": quantity}));
                (
                    Wish::Set { name, quantity },
                    line_request(Method::PATCH, &id, body),
                )
            }
            (48..63, Some((name, id, _))) => (
                Wish::Remove { name },
                line_request(Method::DELETE, &id, None),
            ),
            _ => {
                let product = stock::product_of(self.round, &mut self.rng);
                let quantity = self.rng.random_range(1..4);
                let body = json!({
                    "product_id": product, "quantity": quantity, "attributes": {"name": name},
                });
                (
                    Wish::Add {
                        name: name.clone(),
                        quantity,
                    },
                    post("/cart/items", None, body),
                )
            }
        };
        if !matches!(wish, Wish::Refresh) {
            request.token = Some(shopper.access_token.clone());
            request.key = Some(name);
        }
        (wish, request)
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
    pub async fn again(self, api: &Api) {
        let answer: Answer = api.try_send(&self.request).await.unwrap();
        let login = {
            let mut shopper = self.shopper.lock().unwrap();
            match self.wish {
                // The rotation took effect and its answer was lost: the session is, too.
                Wish::Refresh if answer.status == 401 => Some(shopper.login_request()),
                _ => {
                    shopper.learn(&self.wish, &answer);
                    None
                }
            }
        };
        if let Some(login) = login {
            let session = api.try_send(&login).await.unwrap();
            self.shopper.lock().unwrap().learn(&Wish::Refresh, &session);
        }
    }
}
