//! Whatever is asked in whatever order: what happened, applied again, gives what is.

use super::fixture::checkout;
use super::*;
use crate::domain::account::{Claim, Credential, Email, MAX_SESSIONS, Profile};
use crate::domain::cart::{Cart, MAX_QUANTITY};
use crate::domain::catalog::{Catalog, Product, Status};
use crate::domain::ids::{FamilyId, LineId, ProductId, Sku, UserId};
use crate::domain::money::{Currency, Money};
use crate::domain::shop::Shop;
use crate::domain::time::{Millis, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

const USER: UserId = UserId(Uuid::from_u128(1));

struct Shelf(Vec<Product>);

impl Catalog for Shelf {
    fn product(&self, id: &ProductId) -> Option<&Product> {
        self.0.iter().find(|product| product.id == *id)
    }
}

fn product(number: u8) -> Product {
    let name = format!("p{number}");
    Product {
        id: ProductId::parse(&name).unwrap(),
        sku: Sku::parse(&name).unwrap(),
        name,
        description: String::new(),
        base_price: Money::new(100 + i64::from(number), Currency::USD).unwrap(),
        sale_price: None,
        status: Status::Active,
        brand_id: None,
        category_id: None,
        images: Vec::new(),
        attributes: BTreeMap::new(),
        variants: Vec::new(),
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

/// What a client does, with what it does it to chosen by number.
#[derive(Clone, Debug)]
enum Step {
    Add(u8, u8, i64),
    Set(usize, i64),
    Remove(usize),
    Clear,
    Order,
    Login(u8),
    Refresh(usize, u32),
    Logout,
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..5_u8, 0..2_u8, -1..600_i64).prop_map(|(it, kind, n)| Step::Add(it, kind, n)),
        2 => (0..6_usize, -1..1_200_i64).prop_map(|(line, n)| Step::Set(line, n)),
        1 => (0..6_usize).prop_map(Step::Remove),
        1 => Just(Step::Clear),
        2 => Just(Step::Order),
        2 => any::<u8>().prop_map(Step::Login),
        3 => (0..4_usize, 0..3_u32).prop_map(|(it, back)| Step::Refresh(it, back)),
        1 => Just(Step::Logout),
        2 => (0..Millis::hours(30).0).prop_map(Step::Wait),
    ]
}

/// A user, and everything that has happened to it.
struct Played {
    shelf: Shelf,
    shop: Shop,
    now: Timestamp,
    ids: Cell<u128>,
    live: State,
    events: Vec<Event>,
}

impl Played {
    fn new() -> Self {
        let mut played = Self {
            shelf: Shelf((0..4).map(product).collect()),
            shop: Shop::default(),
            now: Timestamp(0),
            ids: Cell::new(0),
            live: State::loaded(USER, None, Cart::default()),
            events: Vec::new(),
        };
        played.ask(login(0), None);
        played
    }

    fn with<T>(&self, available: Option<Sku>, decision: impl FnOnce(&Context<'_>) -> T) -> T {
        let fresh_id = || {
            self.ids.set(self.ids.get() + 1);
            Uuid::from_u128(self.ids.get())
        };
        decision(&Context {
            now: self.now,
            fresh_id: &fresh_id,
            catalog: &self.shelf,
            shop: &self.shop,
            stored_size: |_| 0,
            available: available.map(|sku| (sku, 1_000)),
            looked_up: None,
        })
    }

    fn ask(&mut self, command: Command, key: Option<u8>) {
        let key = key.map(|key| Key {
            key: key.to_string(),
            fingerprint: [7; 32],
        });
        let request = Request {
            key,
            ..Request::anonymous(command)
        };
        let needs = needs(&self.live, &request, &self.shelf, self.now);
        let decided = self.with(needs.stock, |context| {
            match decide(&self.live, &request, context)? {
                Decision {
                    answer: Answer::Checkout(draft),
                    ..
                } => finish(&self.live, &request, &draft, context),
                decision => Ok(decision),
            }
        });
        for event in decided.map_or(Vec::new(), |decision| decision.events) {
            self.live.apply(&event);
            self.events.push(event);
        }
    }

    fn step(&mut self, step: &Step, key: Option<u8>) {
        let line = |at: usize| self.live.cart.lines.get(at).map(|line| line.id);
        let line = |at| line(at).unwrap_or(LineId(Uuid::nil()));
        let command = match *step {
            Step::Add(number, kind, quantity) => Command::AddItem {
                product_id: product(number).id,
                variant_id: None,
                quantity,
                attributes: BTreeMap::from([("kind".into(), kind.to_string())]),
            },
            Step::Set(at, quantity) => Command::SetQuantity {
                line: line(at),
                quantity,
            },
            Step::Remove(at) => Command::RemoveItem(line(at)),
            Step::Clear => Command::ClearCart,
            Step::Order => Command::PlaceOrder(Box::new(checkout("DE", ""))),
            Step::Login(family) => login(family),
            Step::Refresh(at, back) => self.refresh(at, back),
            Step::Logout => Command::Logout,
            Step::Wait(length) => return self.now = self.now.plus(Millis(length)),
        };
        let key = key.filter(|_| command.changes_cart_or_orders());
        self.ask(command, key);
    }

    /// Presents the token of a session, or one that is so many generations older.
    fn refresh(&self, at: usize, back: u32) -> Command {
        let sessions = self.live.account.iter().flat_map(|it| &it.sessions);
        let session = sessions.skip(at).map(|it| (it.family, it.generation));
        let (family, generation) = session.min().unwrap_or((FamilyId(Uuid::nil()), 0));
        Command::Refresh {
            family,
            generation: generation.saturating_sub(back),
            token_hash: hash(generation.saturating_sub(back)),
            next_hash: hash(generation + 1),
        }
    }
}

fn hash(generation: u32) -> [u8; 32] {
    [u8::try_from(generation % 250).unwrap(); 32]
}

fn login(family: u8) -> Command {
    let profile = Profile {
        email: Email::parse("ann@example.com").unwrap(),
        first_name: "Ann".into(),
        last_name: "Lee".into(),
        email_verified: false,
        created_at: Timestamp(0),
    };
    Command::OpenSession {
        claim: Box::new(Claim {
            user_id: USER,
            credential: Credential::Password("none".into()),
            profile,
            roles: BTreeSet::new(),
        }),
        family: FamilyId(Uuid::from_u128(u128::from(family))),
        token_hash: hash(0),
    }
}

fn holds(played: &Played) -> Result<(), TestCaseError> {
    let cart = &played.live.cart;
    for line in &cart.lines {
        prop_assert!((1..=MAX_QUANTITY).contains(&line.quantity));
    }
    let ids: BTreeSet<_> = cart.lines.iter().map(|line| line.id).collect();
    let choices: BTreeSet<_> = cart
        .lines
        .iter()
        .map(|line| (&line.product_id, &line.attributes))
        .collect();
    prop_assert_eq!((ids.len(), choices.len()), (cart.lines.len(), ids.len()));
    let account = played.live.account.as_ref().unwrap();
    prop_assert!(account.sessions.len() <= MAX_SESSIONS);
    let used = played.live.known_keys.values();
    let live = used.filter(|used| used.is_live(played.now)).count();
    prop_assert!(u32::try_from(live).unwrap() <= played.live.live_keys(played.now));
    Ok(())
}

proptest! {
    #[test]
    fn replaying_the_events_gives_the_live_state(
        steps in vec((step(), proptest::option::of(0..20_u8)), 0..60),
    ) {
        let mut played = Played::new();
        for (step, key) in &steps {
            let before = played.live.cart.clone();
            played.step(step, *key);
            holds(&played)?;
            let moved = played.live.cart.revision - before.revision;
            prop_assert!(moved <= 1);
            prop_assert_eq!(moved == 0, played.live.cart == before);
        }
        let mut replayed = State::loaded(USER, None, Cart::default());
        for event in &played.events {
            replayed.apply(event);
        }
        prop_assert_eq!(&replayed, &played.live);
        // Numbers of orders have no gaps.
        let seqs: Vec<u64> = played.events.iter().filter_map(|event| match event {
            Event::OrderPlaced { order, .. } => Some(order.seq),
            _ => None,
        }).collect();
        prop_assert!(seqs.iter().copied().eq(1..=seqs.len() as u64));
        prop_assert_eq!(played.live.account.unwrap().order_seq, seqs.len() as u64);
    }

    /// What the state forgets of its keys when it is loaded is what it then asks the store for.
    #[test]
    fn memory_answers_for_a_key_only_where_it_knows_all_that_live(
        steps in vec((step(), proptest::option::of(0..20_u8)), 0..60),
        cut in 0..60_usize,
    ) {
        let mut played = Played::new();
        let mut forgotten = BTreeSet::new();
        for (at, (step, key)) in steps.iter().enumerate() {
            if at == cut {
                forgotten = played.live.known_keys.keys().cloned().collect();
                played.live.known_keys.clear();
            }
            let lives = |event: &Event| matches!(
                event,
                Event::KeyUsed { key, used } if forgotten.contains(key) && used.is_live(played.now)
            );
            if played.events.iter().any(lives) {
                prop_assert!(!played.live.knows_all_keys(played.now));
            }
            // Keys that nobody forgot: a look-up is not simulated here.
            played.step(step, key.filter(|key| !forgotten.contains(&key.to_string())));
        }
    }
}
