//! What a record comes to: what each customer must find, and what there was to sell.

use crate::record::{Event, Lines, What};
use std::collections::BTreeMap;

/// What all customers were told in the end.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// By e-mail address.
    pub(crate) customers: BTreeMap<String, Customer>,
    /// By SKU.
    pub(crate) stock: BTreeMap<String, Stock>,
}

/// What one was told.
#[derive(Debug, Default)]
pub(crate) struct Customer {
    pub(crate) password: String,
    pub(crate) cart: Lines,
    /// By their ids.
    pub(crate) orders: BTreeMap<String, Order>,
    /// What was asked for last, and never answered.
    pub(crate) unanswered: Option<What>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) units: BTreeMap<String, u64>,
    /// Minor units.
    pub(crate) total: u64,
}

#[derive(Debug)]
pub(crate) struct Stock {
    pub(crate) product_id: String,
    /// Units, before anybody came.
    pub(crate) left: u64,
}

impl Told {
    pub(crate) fn by(events: &[Event]) -> Self {
        let mut told = Self::default();
        for event in events {
            told.learn(event.clone());
        }
        told
    }

    fn learn(&mut self, event: Event) {
        match event {
            Event::Stock {
                product_id,
                sku,
                left,
            } => {
                self.stock.insert(sku, Stock { product_id, left });
            }
            Event::Customer { email, password } => self.of(email).password = password,
            Event::Asked { email, what } => self.of(email).unanswered = Some(what),
            Event::Refused { email } => self.of(email).unanswered = None,
            Event::Cart { email, lines } => {
                let customer = self.of(email);
                customer.unanswered = None;
                customer.cart = lines;
            }
            Event::Order {
                email,
                id,
                units,
                total,
            } => {
                let customer = self.of(email);
                customer.unanswered = None;
                customer.cart.clear();
                customer.orders.insert(id, Order { units, total });
            }
        }
    }

    fn of(&mut self, email: String) -> &mut Customer {
        self.customers.entry(email).or_default()
    }
}
