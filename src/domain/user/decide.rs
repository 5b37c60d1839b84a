//! What a request does to a state.

mod administer;
mod cart;
mod order;
mod quote;
mod session;

use super::{Command, Event, IfMatch, Rejection, Request, State};
use crate::domain::account::{Account, KeyUse, MAX_KEYS};
use crate::domain::cart::Cart;
use crate::domain::catalog::Catalog;
use crate::domain::ids::{OrderId, Sku};
use crate::domain::order::{Order, Quote};
use crate::domain::shop::Shop;
use crate::domain::time::Timestamp;
pub use order::{Draft, finish};
use std::sync::Arc;
use uuid::Uuid;

/// What a decision needs of the world.
pub struct Context<'a> {
    /// Now.
    pub now: Timestamp,
    /// A fresh random id at every call.
    pub fresh_id: &'a dyn Fn() -> Uuid,
    /// What is for sale.
    pub catalog: &'a dyn Catalog,
    /// The shop's data.
    pub shop: &'a Shop,
    /// The size of a cart as it would be stored, in bytes.
    pub stored_size: fn(&Cart) -> usize,
    /// What is available of the SKU that [`needs`] named.
    pub available: Option<(Sku, u64)>,
    /// What the store says of the request's key, where [`needs`] asked for it.
    pub looked_up: Option<KeyUse>,
}

/// What has to be known before a request can be decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// What is available of this SKU.
    pub stock: Option<Sku>,
    /// How this idempotency key was used: memory cannot tell.
    pub key: Option<String>,
}

/// What a request does, and what it is answered with once that is durable.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What happens.
    pub events: Vec<Event>,
    /// What is answered, as of the state after the events.
    pub answer: Answer,
    /// Whether it repeats an answer to the same idempotency key.
    pub replayed: bool,
}

/// What a request is answered with.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Nothing but that it is done.
    Done,
    /// What an order would come to.
    Quote(Box<Quote>),
    /// The account.
    Account,
    /// The cart.
    Cart,
    /// An order that was placed.
    Order(Arc<Order>),
    /// An order that was placed earlier and has to be read.
    PastOrder(OrderId),
    /// An order in the making: to be reserved, then decided by [`finish`].
    Checkout(Box<Draft>),
    /// A refusal that has events nevertheless.
    Refused(Rejection),
}

impl Decision {
    fn new(events: Vec<Event>, answer: Answer) -> Self {
        Self {
            events,
            answer,
            replayed: false,
        }
    }

    fn view(answer: Answer) -> Self {
        Self::new(Vec::new(), answer)
    }
}

/// What has to be fetched before `request` can be decided on `state`.
#[must_use]
pub fn needs(state: &State, request: &Request, catalog: &dyn Catalog, now: Timestamp) -> Needs {
    let unknown =
        |key: &&super::Key| !state.known_keys.contains_key(&key.key) && !state.knows_all_keys(now);
    Needs {
        stock: cart::stock_needed(state, &request.command, catalog),
        key: request
            .key
            .as_ref()
            .filter(unknown)
            .map(|key| key.key.clone()),
    }
}

/// Decides a request.
///
/// # Errors
/// The refusal. Nothing has changed, and nothing will because of this request.
pub fn decide(
    state: &State,
    request: &Request,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let account = authenticate(state, request)?;
    if let Some(replay) = replay(state, request, context)? {
        return Ok(replay);
    }
    match_revision(state, request)?;
    let mut decision = match (&request.command, account) {
        (
            Command::OpenSession {
                claim,
                family,
                token_hash,
            },
            _,
        ) => session::open(state, claim, *family, *token_hash, context.now)?,
        (Command::CompleteAccount(claim), _) => session::complete(state, claim),
        (Command::Fence { .. }, _) => Decision::new(vec![Event::Fenced], Answer::Done),
        (_, None) => return Err(Rejection::UserNotFound),
        (
            Command::Refresh {
                family,
                generation,
                token_hash,
                next_hash,
            },
            Some(account),
        ) => {
            let presented = session::Presented {
                generation: *generation,
                hash: *token_hash,
            };
            session::refresh(account, *family, presented, *next_hash, context.now)?
        }
        (Command::Logout, Some(_)) => Decision::new(vec![Event::LoggedOut], Answer::Done),
        (Command::Administer { change, seen }, Some(account)) => {
            administer::decide(account, change, *seen, context.now)?
        }
        (Command::ViewAccount, Some(_)) => Decision::view(Answer::Account),
        (Command::ViewCart, Some(_)) => Decision::view(Answer::Cart),
        (Command::Quote(terms), Some(account)) => {
            let (quote, _) = quote::quote(&state.cart, account, terms, context)?;
            Decision::view(Answer::Quote(Box::new(quote)))
        }
        (Command::PlaceOrder(checkout), Some(account)) => {
            let draft = order::draft(&state.cart, account, checkout, context)?;
            return Ok(Decision::view(Answer::Checkout(Box::new(draft))));
        }
        (command, Some(_)) => cart::decide(&state.cart, command, context)?,
    };
    decision.events.extend(key_used(request, None, context.now));
    Ok(decision)
}

fn authenticate<'a>(state: &'a State, request: &Request) -> Result<Option<&'a Account>, Rejection> {
    match (&state.account, request.epoch) {
        (Some(account), Some(epoch)) if !account.active || account.epoch != epoch => {
            Err(Rejection::Unauthenticated)
        }
        (account, _) => Ok(account.as_ref()),
    }
}

fn match_revision(state: &State, request: &Request) -> Result<(), Rejection> {
    match &request.if_match {
        IfMatch::Revisions(revisions) if !revisions.contains(&state.cart.revision) => {
            Err(Rejection::PreconditionFailed)
        }
        _ => Ok(()),
    }
}

/// The answer to a key that has taken effect; `None` where the request is to be decided.
fn replay(
    state: &State,
    request: &Request,
    context: &Context<'_>,
) -> Result<Option<Decision>, Rejection> {
    let Some(key) = &request.key else {
        return Ok(None);
    };
    let used = state
        .known_keys
        .get(&key.key)
        .or(context.looked_up.as_ref());
    match used.filter(|used| used.is_live(context.now)) {
        None if state.live_keys(context.now) >= MAX_KEYS => Err(Rejection::TooManyKeys),
        None => Ok(None),
        Some(used) if used.fingerprint != key.fingerprint => Err(Rejection::KeyReused),
        Some(used) => {
            let answer = used.order_id.map_or(Answer::Cart, Answer::PastOrder);
            Ok(Some(Decision {
                replayed: true,
                ..Decision::view(answer)
            }))
        }
    }
}

fn key_used(request: &Request, order_id: Option<OrderId>, at: Timestamp) -> Option<Event> {
    let key = request.key.as_ref()?;
    let used = KeyUse {
        fingerprint: key.fingerprint,
        at,
        order_id,
    };
    Some(Event::KeyUsed {
        key: key.key.clone(),
        used,
    })
}
