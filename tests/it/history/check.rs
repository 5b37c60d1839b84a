//! The judgement: every acknowledged change is there once, every unknown one at most once, and
//! nobody was shown a cart that never was.

use super::cart::{Effect, Step, explain};
use super::{Call, Event, Final, History, Lines, Order, Outcome, Shown, Stock, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Judges a history by itself and by what there is in the end.
pub fn check(history: &History, end: &Final) -> Verdict {
    let mut customers: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in &history.events {
        customers.entry(&event.customer).or_default().push(event);
    }
    let mut violations = Vec::new();
    for (name, events) in &mut customers {
        events.sort_by_key(|event| event.sent);
        let nothing = (Lines::new(), Vec::new());
        let cart = end.carts.get(*name).unwrap_or(&nothing.0);
        let orders = end.orders.get(*name).unwrap_or(&nothing.1);
        let customer = Customer {
            events,
            cart,
            orders,
        };
        let found = customer.check();
        violations.extend(found.into_iter().map(|what| format!("{name}: {what}")));
    }
    let orders = end.orders.values().flatten();
    let sold = orders.flat_map(|order| order.lines.values()).sum();
    violations.extend(check_stock(end.stock, sold));
    Verdict::new(history, end, violations)
}

fn check_stock(stock: Stock, sold: u64) -> Option<String> {
    let adds_up = stock.received == stock.available + stock.held + stock.sold;
    let is_settled = stock.held == 0 && stock.sold == sold;
    (!adds_up || !is_settled).then(|| format!("{sold} units are in orders, but {stock:?}"))
}

/// One customer's part, by the time at which it was sent.
struct Customer<'a> {
    events: &'a [&'a Event],
    cart: &'a Lines,
    orders: &'a [Order],
}

impl Customer<'_> {
    fn check(&self) -> Vec<String> {
        let mut violations = self.check_orders();
        let steps = self.steps();
        violations.extend(explain(&steps).err());
        violations
    }

    /// Whether each order that is there was asked for, and each that was acknowledged is there.
    fn check_orders(&self) -> Vec<String> {
        let mut violations = Vec::new();
        let mut asked = BTreeSet::new();
        for event in self.events {
            let Call::Order { name } = &event.call else {
                continue;
            };
            asked.insert(name);
            let found: Vec<&Order> = self.orders.iter().filter(|it| it.name == *name).collect();
            let violation = match (&event.outcome, found.as_slice()) {
                (_, [_, _, ..]) => Some(format!("placed {} times", found.len())),
                (Outcome::Done(_), []) => Some("lost".to_owned()),
                (Outcome::Refused(_), [_]) => Some("refused, and placed".to_owned()),
                (Outcome::Done(Some(told)), [order]) if *told != order.lines => {
                    Some(format!("another in the end, of {}", Shown(&order.lines)))
                }
                _ => None,
            };
            violations.extend(violation.map(|violation| format!("{event}: {violation}")));
        }
        let unknown = self.orders.iter().filter(|it| !asked.contains(&it.name));
        violations.extend(unknown.map(|it| format!("nobody asked for the order {}", it.name)));
        violations
    }

    /// Everything that was done or shown, and what may have been done.
    fn steps(&self) -> Vec<Step> {
        let last = self.events.iter().map(|event| event.answered).max();
        let last = last.unwrap_or_default();
        let end = last + Duration::from_nanos(1);
        let shown = Shows::of(self.events, self.orders, self.cart);
        let mut steps = Vec::new();
        for event in self.events {
            steps.extend(self.steps_of(event, last, &shown));
        }
        steps.push(Step {
            effect: Effect::Nothing,
            shows: Some(self.cart.clone()),
            sent: end,
            answered: Some(end),
            name: format!("the cart in the end, {}", Shown(self.cart)),
        });
        steps
    }

    fn steps_of(&self, event: &Event, last: Duration, shown: &Shows) -> Vec<Step> {
        let is_unknown = event.outcome == Outcome::Unknown;
        let (effect, shows) = match (&event.call, &event.outcome) {
            (_, Outcome::Refused(_)) => return Vec::new(),
            (Call::Order { name }, _) => {
                let Some(order) = self.orders.iter().find(|order| order.name == *name) else {
                    return Vec::new();
                };
                let answered = if is_unknown { last } else { event.answered };
                return order_steps(event, &order.lines, answered);
            }
            (Call::Add { line, quantity } | Call::Set { line, quantity }, Outcome::Unknown)
                if !shown.may_have_been(line, *quantity) =>
            {
                return Vec::new();
            }
            (Call::Read, Outcome::Unknown) => return Vec::new(),
            (Call::Add { line, quantity }, _) => Effect::Add(line.clone(), *quantity),
            (Call::Set { line, quantity }, _) => Effect::Set(line.clone(), *quantity),
            (Call::Remove { line }, _) => Effect::Remove(line.clone()),
            (Call::Read, _) => Effect::Nothing,
        }
        .with(event);
        vec![Step {
            effect,
            shows,
            sent: event.sent,
            answered: (!is_unknown).then_some(event.answered),
            name: event.to_string(),
        }]
    }
}

impl Effect {
    /// The effect, and what was shown of it.
    fn with(self, event: &Event) -> (Self, Option<Lines>) {
        let shows = match &event.outcome {
            Outcome::Done(shows) => shows.clone(),
            _ => None,
        };
        (self, shows)
    }
}

/// An order takes what it saw in the cart a moment before: lines that came meanwhile stay.
fn order_steps(event: &Event, lines: &Lines, answered: Duration) -> Vec<Step> {
    let step = |effect, shows, what: &str| Step {
        effect,
        shows,
        sent: event.sent,
        answered: Some(answered),
        name: format!("{what} {event}"),
    };
    vec![
        step(Effect::Nothing, Some(lines.clone()), "what was drafted by"),
        step(Effect::Take(lines.clone()), None, "what was taken by"),
    ]
}

/// The quantities of each line that anything shows.
#[derive(Default)]
struct Shows<'a> {
    left: BTreeMap<&'a str, BTreeSet<u64>>,
    taken: BTreeMap<&'a str, BTreeSet<u64>>,
}

impl<'a> Shows<'a> {
    fn of(events: &'a [&'a Event], orders: &'a [Order], cart: &'a Lines) -> Self {
        let mut shows = Self::default();
        let told = events.iter().filter_map(|event| match &event.outcome {
            Outcome::Done(lines) => lines.as_ref(),
            _ => None,
        });
        let ordered = orders.iter().map(|order| &order.lines);
        for (line, units) in told.chain(ordered.clone()).chain([cart]).flatten() {
            shows.left.entry(line).or_default().insert(*units);
        }
        for (line, units) in ordered.flatten() {
            shows.taken.entry(line).or_default().insert(*units);
        }
        shows
    }

    /// Whether anything was seen of a line's having been so many: itself, or what an order left.
    fn may_have_been(&self, line: &str, units: u64) -> bool {
        let (none, nothing) = (BTreeSet::from([0]), BTreeSet::new());
        let left = self.left.get(line).unwrap_or(&nothing);
        let taken = self.taken.get(line).unwrap_or(&nothing);
        let sums = taken.union(&none);
        let mut sums = sums.flat_map(|taken| left.iter().map(move |left| left + taken));
        sums.any(|sum| sum == units)
    }
}
