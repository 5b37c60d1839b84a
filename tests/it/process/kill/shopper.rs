//! What one shopper knows: a session, lines that may be in the cart, orders as they were told.

use super::Shared;
use crate::history::{Call, Lines, Order, Recorder, lines_of, name_of};
use crate::process::api::{Answer, Api, Request, login, post};
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub struct Shopper {
    pub email: String,
    pub access_token: String,
    refresh_token: String,
    /// Id and quantity, by name.
    lines: BTreeMap<String, (String, u64)>,
    /// By id, as they were answered.
    orders: BTreeMap<String, Value>,
}

impl Shopper {
    pub fn new(email: &str, session: &Answer) -> Self {
        let mut shopper = Self {
            email: email.to_owned(),
            access_token: String::new(),
            refresh_token: String::new(),
            lines: BTreeMap::new(),
            orders: BTreeMap::new(),
        };
        shopper.enter(session);
        shopper
    }

    /// Goes on with a session that was answered.
    pub fn enter(&mut self, session: &Answer) {
        assert!(matches!(session.status, 200 | 201), "{session:?}");
        let text = |name: &str| session.body["data"][name].as_str().unwrap().to_owned();
        self.access_token = text("access_token");
        self.refresh_token = text("refresh_token");
    }

    pub fn refresh_request(&self) -> Request {
        let body = json!({"refresh_token": self.refresh_token});
        post("/auth/refresh", None, body)
    }

    pub fn login_request(&self) -> Request {
        login(&self.email)
    }

    /// One of the lines that may be in the cart: its name, id and quantity.
    pub fn some_line(
        &self,
        is_wanted: impl Fn(&str) -> bool,
        rng: &mut StdRng,
    ) -> Option<(String, String, u64)> {
        let open = self.lines.iter().filter(|(name, _)| is_wanted(name));
        let (name, (id, quantity)) = open.choose(rng)?;
        Some((name.clone(), id.clone(), *quantity))
    }

    pub fn order_ids(&self) -> impl Iterator<Item = String> {
        self.orders.keys().cloned()
    }

    /// Adds what was ordered to what was sold, by SKU.
    pub fn count_sold(&self, sold: &mut BTreeMap<String, u64>) {
        for item in self.orders.values().flat_map(items) {
            let sku = item["sku"].as_str().unwrap().to_owned();
            *sold.entry(sku).or_default() += item["quantity"].as_u64().unwrap();
        }
    }

    /// Takes note of an answer.
    pub fn learn(&mut self, call: &Call, answer: &Answer) {
        let data = &answer.body["data"];
        match (call, answer.status) {
            (Call::Add { line, quantity }, 200) => {
                let seen = items(data).iter().find(|item| name_of(item) == line);
                let id = seen.map(|item| item["id"].as_str().unwrap().to_owned());
                let line = id.map(|id| (line.clone(), (id, *quantity)));
                self.lines.extend(line);
            }
            (Call::Set { line, quantity }, 200) => {
                if let Some((_, now)) = self.lines.get_mut(line) {
                    *now = *quantity;
                }
            }
            (Call::Remove { line }, 200)
            | (Call::Set { line, .. } | Call::Remove { line }, 404) => {
                self.lines.remove(line);
            }
            (Call::Order { .. }, 201) => {
                let taken = lines_of(data);
                self.lines.retain(|name, _| !taken.contains_key(name));
                let id = data["id"].as_str().unwrap().to_owned();
                let before = self.orders.insert(id, data.clone());
                assert!(before.is_none(), "one order for two keys");
            }
            _ => {}
        }
    }

    /// The orders that are listed must be those that were told, to the letter.
    fn compare(&self, orders: &[Value]) {
        let listed: BTreeMap<&str, &Value> = orders
            .iter()
            .map(|order| (order["id"].as_str().unwrap(), order))
            .collect();
        let told: BTreeMap<&str, &Value> = self
            .orders
            .iter()
            .map(|(id, order)| (id.as_str(), order))
            .collect();
        assert_eq!(orders.len(), listed.len(), "listed twice: {}", self.email);
        assert_eq!(listed, told, "{}", self.email);
        orders.iter().for_each(check_sums);
    }
}

fn items(value: &Value) -> &Vec<Value> {
    value["items"].as_array().unwrap()
}

/// An order's totals are the sums of its lines.
fn check_sums(order: &Value) {
    let amount = |value: &Value| value["amount"].as_i64().unwrap();
    let sum = |of: &dyn Fn(&Value) -> i64| items(order).iter().map(of).sum::<i64>();
    let price = |item: &Value| amount(&item["unit_price"]) * item["quantity"].as_i64().unwrap();
    assert_eq!(amount(&order["subtotal"]), sum(&price), "{order}");
    assert_eq!(
        amount(&order["tax_total"]),
        sum(&|item| amount(&item["tax_amount"])),
        "{order}"
    );
    let total = sum(&|item| amount(&item["total"])) + amount(&order["shipping_total"]);
    assert_eq!(amount(&order["total"]), total, "{order}");
}

/// Looks at the cart, and records it. The session must be known, and the orders those that were
/// told. Returns both.
pub async fn look(api: &Api, recorder: &Recorder, shopper: &Shared) -> (Lines, Vec<Order>) {
    let refresh = shopper.lock().unwrap().refresh_request();
    let session = api.try_send(&refresh).await.unwrap();
    shopper.lock().unwrap().enter(&session);
    let (email, token) = {
        let shopper = shopper.lock().unwrap();
        (shopper.email.clone(), shopper.access_token.clone())
    };
    let asked = recorder.asks(&email, Call::Read);
    let cart = api.get("/cart", Some(&token)).await;
    recorder.answered(asked, &cart, true);
    let orders = api.orders(&token).await;
    shopper.lock().unwrap().compare(&orders);
    let orders = orders.iter().map(Order::of).collect();
    (lines_of(&cart.body["data"]), orders)
}
