//! What a shopper was told, and the check that the shop has exactly that.

use super::Shared;
use super::hand::Wish;
use crate::process::api::{Answer, Api, Request, login, post};
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A line that was added.
#[derive(Debug)]
struct Line {
    /// Where it was seen in the cart.
    id: Option<String>,
    /// As it was last set.
    quantity: u64,
    fate: Fate,
}

/// How a line left the cart, as far as that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It was not told to have left; an order may have taken it.
    Open,
    /// It was removed.
    Removed,
    /// It is not in the cart, and this shopper did not remove it.
    Ordered,
}

/// What one shopper was told.
pub struct Shopper {
    email: String,
    pub access_token: String,
    refresh_token: String,
    lines: BTreeMap<String, Line>,
    /// By id, as they were answered.
    orders: BTreeMap<String, Value>,
}

impl Shopper {
    pub fn new(email: &str, session: &Value) -> Self {
        let text = |name: &str| session[name].as_str().unwrap().to_owned();
        Self {
            email: email.to_owned(),
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
            lines: BTreeMap::new(),
            orders: BTreeMap::new(),
        }
    }

    pub fn refresh_request(&self) -> Request {
        post(
            "/auth/refresh",
            None,
            json!({"refresh_token": self.refresh_token}),
        )
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
        let open = self
            .lines
            .iter()
            .filter(|(name, line)| line.fate == Fate::Open && line.id.is_some() && is_wanted(name));
        let (name, line) = open.choose(rng)?;
        Some((name.clone(), line.id.clone()?, line.quantity))
    }

    /// The names of the lines that were removed.
    pub fn removed(&self) -> Vec<String> {
        let removed = self
            .lines
            .iter()
            .filter(|(_, line)| line.fate == Fate::Removed);
        removed.map(|(name, _)| name.clone()).collect()
    }

    pub fn order_ids(&self) -> impl Iterator<Item = String> {
        self.orders.keys().cloned()
    }

    /// Adds what was ordered to what was sold, by SKU.
    pub fn count_sold(&self, sold: &mut BTreeMap<String, u64>) {
        for item in self.orders.values().flat_map(items) {
            let sku = item["sku"].as_str().unwrap().to_owned();
            *sold.entry(sku).or_default() += quantity(item);
        }
    }

    /// Takes note of an answer. A refusal has changed nothing.
    pub fn learn(&mut self, wish: &Wish, answer: &Answer) {
        let data = &answer.body["data"];
        let refused = answer.code();
        match (wish, answer.status) {
            (Wish::Add { name, quantity }, 200) => {
                let seen = items(data).iter().find(|item| name_of(item) == name);
                let id = seen.map(|item| item["id"].as_str().unwrap().to_owned());
                assert!(id.is_some() || answer.replayed, "{name} is not in the cart");
                let line = Line {
                    id,
                    quantity: *quantity,
                    fate: Fate::Open,
                };
                assert!(
                    self.lines.insert(name.clone(), line).is_none(),
                    "{name} is not new"
                );
            }
            (Wish::Set { name, quantity }, 200) => self.line(name).quantity = *quantity,
            (Wish::Remove { name }, 200) => self.line(name).fate = Fate::Removed,
            (Wish::Set { name, .. } | Wish::Remove { name }, 404) => {
                self.line(name).fate = Fate::Ordered;
            }
            (Wish::Order { removed }, 201) => {
                assert!(
                    items(data)
                        .iter()
                        .all(|item| !removed.contains(&name_of(item).to_owned()))
                );
                let id = data["id"].as_str().unwrap().to_owned();
                assert!(
                    self.orders.insert(id, data.clone()).is_none(),
                    "one order for two keys"
                );
            }
            (Wish::Refresh, 200) => {
                let Shopper {
                    access_token,
                    refresh_token,
                    ..
                } = Self::new(&self.email, data);
                (self.access_token, self.refresh_token) = (access_token, refresh_token);
            }
            (Wish::Add { .. } | Wish::Set { .. }, 400) if refused == "out_of_stock" => {}
            (Wish::Add { .. }, 400) if refused == "cart_full" => {}
            (Wish::Order { .. }, 400) if matches!(refused, "cart_empty" | "out_of_stock") => {}
            (Wish::Order { .. }, 409) if refused == "cart_changed" => {}
            (Wish::Refresh, _) => panic!("{answer:?}"),
            (_, 429) => {}
            _ => panic!("{wish:?} was answered with {answer:?}"),
        }
    }

    fn line(&mut self, name: &str) -> &mut Line {
        self.lines.get_mut(name).unwrap()
    }

    /// The cart and the orders, newest first, must be what this shopper was told.
    fn compare(&self, cart: &Value, orders: &[Value]) {
        let listed: BTreeMap<&str, &Value> = orders
            .iter()
            .map(|order| (order["id"].as_str().unwrap(), order))
            .collect();
        let told: BTreeMap<&str, &Value> = self
            .orders
            .iter()
            .map(|(id, order)| (id.as_str(), order))
            .collect();
        assert_eq!(
            orders.len(),
            listed.len(),
            "an order is listed twice: {}",
            self.email
        );
        assert_eq!(listed, told, "{}", self.email);
        orders.iter().for_each(check_sums);

        let cart: BTreeMap<&str, u64> = items(cart)
            .iter()
            .map(|item| (name_of(item), quantity(item)))
            .collect();
        let ordered = orders.iter().flat_map(items).map(name_of);
        let unknown: BTreeSet<&str> = cart
            .keys()
            .copied()
            .chain(ordered)
            .filter(|name| !self.lines.contains_key(*name))
            .collect();
        assert_eq!(
            unknown,
            BTreeSet::new(),
            "lines that nobody added: {}",
            self.email
        );
        for (name, line) in &self.lines {
            let taken: Vec<u64> = orders
                .iter()
                .flat_map(items)
                .filter(|item| name_of(item) == name)
                .map(quantity)
                .collect();
            let left = cart.get(name.as_str()).copied().unwrap_or(0);
            assert!(
                line.accounts_for(left, &taken),
                "{name} of {}: {line:?}, but {left} left and {taken:?} taken",
                self.email
            );
        }
    }
}

impl Line {
    /// Whether so many units may be left in the cart after orders, newest first, took so many.
    /// Whatever was taken before the quantity was last set does not count against it.
    fn accounts_for(&self, left: u64, taken: &[u64]) -> bool {
        let latest = |orders: usize| taken[..orders].iter().sum::<u64>();
        let adds_up = (0..=taken.len()).any(|orders| left + latest(orders) == self.quantity);
        match self.fate {
            Fate::Open => adds_up,
            Fate::Removed => left == 0,
            Fate::Ordered => left == 0 && !taken.is_empty() && adds_up,
        }
    }
}

fn items(value: &Value) -> &Vec<Value> {
    value["items"].as_array().unwrap()
}

fn name_of(item: &Value) -> &str {
    item["attributes"]["name"].as_str().unwrap()
}

fn quantity(item: &Value) -> u64 {
    item["quantity"].as_u64().unwrap()
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

/// The shop must have what the shopper was told, and know the session.
pub async fn check(api: &Api, shopper: &Shared) {
    let refresh = shopper.lock().unwrap().refresh_request();
    let session = api.try_send(&refresh).await.unwrap();
    shopper.lock().unwrap().learn(&Wish::Refresh, &session);
    let token = shopper.lock().unwrap().access_token.clone();
    let cart = api.get("/cart", Some(&token)).await;
    let mut orders: Vec<Value> = Vec::new();
    loop {
        let page = orders.len() / 100 + 1;
        let path = format!("/orders?page={page}&page_size=100");
        let Answer { body, .. } = api.get(&path, Some(&token)).await;
        orders.extend(body["data"].as_array().unwrap().iter().cloned());
        if body["meta"]["has_next"] == false {
            assert_eq!(body["meta"]["total_items"], orders.len());
            break;
        }
    }
    shopper.lock().unwrap().compare(&cart.body["data"], &orders);
}
