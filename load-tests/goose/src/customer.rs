//! A customer, who knows what the cart must be, and writes down what was told.

use crate::Failure;
use crate::api::{Api, PASSWORD, Session};
use crate::ask::{Answer, Call, ask};
use crate::cart::{is_added, is_order_of, is_same, lines_of, units_of};
use crate::goods::{Goods, Item};
use crate::record::{Event, Lines, Recorder, What};
use goose::goose::GooseUser;
use goose::prelude::GooseMethod;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A customer may have 1,000 keys a day; one who has used so many comes back as somebody else.
const KEYS: u64 = 900;

/// What all customers have in common.
pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) goods: Goods,
    pub(crate) record: Recorder,
    /// Tells the customers of this run from those of others.
    pub(crate) run: String,
    pub(crate) registered: AtomicU64,
}

pub(crate) struct Customer {
    pub(crate) world: Arc<World>,
    pub(crate) session: Session,
    pub(crate) draws: StdRng,
    /// What the cart must be.
    pub(crate) cart: Lines,
    /// Pages that the list of products had when last seen.
    pub(crate) pages: u64,
    keys: u64,
    /// A change was never answered: this customer changes nothing any more.
    pub(crate) is_lost: bool,
}

impl World {
    async fn register(&self) -> Result<Session, Failure> {
        let number = self.registered.fetch_add(1, Ordering::Relaxed);
        let email = format!("load-{}-{number}@example.com", self.run);
        let session = self.api.register(&email).await?;
        let password = PASSWORD.to_owned();
        self.record.write(&Event::Customer { email, password })?;
        Ok(session)
    }
}

impl Customer {
    pub(crate) async fn register(world: &Arc<World>) -> Result<Self, Failure> {
        Ok(Self {
            session: world.register().await?,
            world: world.clone(),
            draws: StdRng::from_os_rng(),
            cart: Lines::new(),
            pages: 1,
            keys: 0,
            is_lost: false,
        })
    }

    /// Whoever comes for the next visit: with tokens that count, and keys to spare.
    pub(crate) async fn arrive(&mut self) -> Result<(), Failure> {
        if self.keys > KEYS {
            self.session = self.world.register().await?;
            self.cart.clear();
            self.keys = 0;
        }
        self.session = self.world.api.fresh(&self.session).await?;
        Ok(())
    }

    /// Adds to the cart. Returns the id of the line, if there was enough of it.
    pub(crate) async fn add(
        &mut self,
        user: &mut GooseUser,
        item: &Item,
        quantity: u64,
    ) -> Result<Option<String>, Failure> {
        let body = json!({"product_id": item.product_id, "quantity": quantity});
        let method = GooseMethod::Post;
        let asked = self.change(
            user,
            What::Cart,
            method,
            "cart/items",
            "/cart/items",
            Some(body),
        );
        let answer = asked.await?;
        if !answer.is_done {
            return Ok(None);
        }
        let before = self.cart.clone();
        self.is_shown(user, answer, |cart| {
            is_added(&before, &item.sku, quantity, cart)
        })?;
        let line = self.cart.iter().find(|(_, line)| line.sku == item.sku);
        Ok(line.map(|(id, _)| id.clone()))
    }

    /// Sets the quantity of a line, if there is enough of it.
    pub(crate) async fn set(
        &mut self,
        user: &mut GooseUser,
        line: &str,
        quantity: u64,
    ) -> Result<(), Failure> {
        let (path, body) = (format!("/cart/items/{line}"), json!({"quantity": quantity}));
        let method = GooseMethod::Patch;
        let asked = self.change(
            user,
            What::Cart,
            method,
            "cart/items/:id",
            &path,
            Some(body),
        );
        let answer = asked.await?;
        if !answer.is_done {
            return Ok(());
        }
        let mut expected = self.cart.clone();
        if let Some(line) = expected.get_mut(line) {
            line.quantity = quantity;
        }
        self.is_shown(user, answer, |cart| is_same(&expected, cart))
    }

    /// Removes a line.
    pub(crate) async fn remove(&mut self, user: &mut GooseUser, line: &str) -> Result<(), Failure> {
        let path = format!("/cart/items/{line}");
        let method = GooseMethod::Delete;
        let asked = self.change(user, What::Cart, method, "cart/items/:id", &path, None);
        let answer = asked.await?;
        let mut expected = self.cart.clone();
        expected.remove(line);
        self.is_shown(user, answer, |cart| is_same(&expected, cart))
    }

    /// Orders the cart. Returns the order, if there was enough of everything.
    pub(crate) async fn order(&mut self, user: &mut GooseUser) -> Result<Option<Value>, Failure> {
        let method = GooseMethod::Post;
        let asked = self.change(
            user,
            What::Order,
            method,
            "orders",
            "/orders",
            Some(order()),
        );
        let mut answer = asked.await?;
        if !answer.is_done {
            return Ok(None);
        }
        let order = answer.body["data"].take();
        let lines = lines_of(&order).map_err(Failure::Wrong)?;
        self.world.record.write(&Event::Order {
            email: self.session.email.clone(),
            id: order["id"].as_str().unwrap_or_default().to_owned(),
            units: units_of(&lines),
            total: order["total"]["amount"].as_u64().unwrap_or_default(),
        })?;
        let cart = std::mem::take(&mut self.cart);
        answer.must(user, is_order_of(&cart, &order))?;
        Ok(Some(order))
    }

    /// Looks at the cart, which must be what it was when it was last changed.
    pub(crate) async fn look(&self, user: &mut GooseUser) -> Result<(), Failure> {
        let call = Call::get("cart", "/cart", Some(&self.session));
        let mut answer = ask(user, &call).await?;
        let shown = lines_of(&answer.body["data"]);
        answer.must(user, shown.and_then(|shown| is_same(&self.cart, &shown)))
    }

    /// Asks for a change under a new key.
    async fn change(
        &mut self,
        user: &mut GooseUser,
        what: What,
        method: GooseMethod,
        name: &'static str,
        path: &str,
        body: Option<Value>,
    ) -> Result<Answer, Failure> {
        self.keys += 1;
        let email = self.session.email.clone();
        let asked = Event::Asked {
            email: email.clone(),
            what,
        };
        self.world.record.write(&asked)?;
        self.is_lost = true;
        let call = Call {
            method,
            name,
            path: path.to_owned(),
            session: Some(&self.session),
            key: Some(self.keys.to_string()),
            body,
        };
        let answer = ask(user, &call).await;
        let is_refused = match &answer {
            Ok(answer) => !answer.is_done,
            Err(failure) => matches!(failure, Failure::Refused(..)),
        };
        self.is_lost = answer.is_err() && !is_refused;
        if is_refused {
            self.world.record.write(&Event::Refused { email })?;
        }
        answer
    }

    /// Notes the cart that a change has made, and judges it.
    fn is_shown(
        &mut self,
        user: &mut GooseUser,
        mut answer: Answer,
        judge: impl FnOnce(&Lines) -> Result<(), String>,
    ) -> Result<(), Failure> {
        let lines = lines_of(&answer.body["data"]).map_err(Failure::Wrong)?;
        let judged = judge(&lines);
        self.cart.clone_from(&lines);
        let email = self.session.email.clone();
        self.world.record.write(&Event::Cart { email, lines })?;
        answer.must(user, judged)
    }
}

fn order() -> Value {
    json!({
        "shipping_address": {
            "first_name": "Load", "last_name": "Test", "address1": "123 Main St",
            "city": "New York", "state": "NY", "postal_code": "10001", "country": "US",
        },
        "payment_method_id": "pm_load",
    })
}
