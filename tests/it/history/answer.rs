//! What an answer of the API says, for a history.

use super::{Call, Event, Lines, Order, Outcome, Recorder};
use crate::process::api::Answer;
use serde_json::Value;
use std::time::Duration;

/// A call that was sent.
#[derive(Clone, Debug)]
pub struct Asked {
    pub customer: String,
    pub call: Call,
    pub sent: Duration,
    /// When it was sent for the last time.
    pub last_sent: Duration,
    /// When it was told to come again.
    pub put_off: Vec<Duration>,
}

impl Recorder {
    /// What is sent now.
    pub fn asks(&self, customer: &str, call: Call) -> Asked {
        let now = self.now();
        Asked {
            customer: customer.to_owned(),
            call,
            sent: now,
            last_sent: now,
            put_off: Vec::new(),
        }
    }

    /// Records the answer, which is not 503; and the cart that it shows besides, where the server is
    /// `believed`: where it alone owns the customer.
    ///
    /// # Panics
    /// At an answer that nobody should get.
    pub fn answered(&self, asked: Asked, answer: &Answer, believed: bool) {
        if let Some(cart) = cart_beside(&asked.call, answer).filter(|_| believed) {
            let read = Asked {
                call: Call::Read,
                sent: asked.last_sent,
                put_off: Vec::new(),
                ..asked.clone()
            };
            self.ends(read, Outcome::Done(Some(cart)));
        }
        let outcome = outcome(&asked.call, answer);
        self.ends(asked, outcome);
    }

    /// Records what became of it.
    pub fn ends(&self, asked: Asked, outcome: Outcome) {
        self.record(Event {
            customer: asked.customer,
            call: asked.call,
            sent: asked.sent,
            answered: self.now(),
            outcome,
            put_off: asked.put_off,
        });
    }
}

impl Order {
    /// One that is listed.
    pub fn of(listed: &Value) -> Self {
        Self {
            name: listed["notes"].as_str().unwrap().to_owned(),
            lines: lines_of(listed),
        }
    }
}

/// Whether it changes the cart, and is answered with it.
fn is_change(call: &Call) -> bool {
    !matches!(call, Call::Order { .. } | Call::Read)
}

fn outcome(call: &Call, answer: &Answer) -> Outcome {
    let data = &answer.body["data"];
    match (call, answer.status, answer.code()) {
        (Call::Order { .. }, 201, _) => Outcome::Done(Some(lines_of(data))),
        // The cart is a later one.
        (call, 200, _) if is_change(call) && answer.replayed => Outcome::Done(None),
        (call, 200, _) if is_change(call) || *call == Call::Read => {
            Outcome::Done(Some(lines_of(data)))
        }
        (Call::Set { .. } | Call::Remove { .. }, 404, code)
        | (Call::Order { .. }, 400, code @ ("cart_empty" | "out_of_stock"))
        | (Call::Order { .. }, 409, code @ "cart_changed")
        | (Call::Add { .. }, 400, code @ ("cart_full" | "out_of_stock"))
        | (Call::Set { .. }, 400, code @ "out_of_stock")
        | (_, 429, code) => Outcome::Refused(code.to_owned()),
        _ => panic!("{call:?} was answered with {answer:?}"),
    }
}

/// The cart as it was at some time during the last try.
fn cart_beside(call: &Call, answer: &Answer) -> Option<Lines> {
    match call {
        call if answer.status == 200 && is_change(call) && answer.replayed => {
            Some(lines_of(&answer.body["data"]))
        }
        Call::Order { .. } if answer.code() == "cart_empty" => Some(Lines::new()),
        _ => None,
    }
}

/// The lines of a cart, or of an order.
pub fn lines_of(data: &Value) -> Lines {
    let items = data["items"].as_array().unwrap();
    let line = |item: &Value| {
        let quantity = item["quantity"].as_u64().unwrap();
        (name_of(item).to_owned(), quantity)
    };
    items.iter().map(line).collect()
}

/// The name of a line of a cart, or of an order.
pub fn name_of(item: &Value) -> &str {
    item["attributes"]["name"].as_str().unwrap()
}
