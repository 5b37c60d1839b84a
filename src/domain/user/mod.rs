//! The aggregate that one actor owns: a user's account, cart and place in the order book.
//!
//! `decide` says what a request does to a state, as events or a rejection; `apply` is total and
//! makes the next state of an event. Neither reads anything that it was not given.

mod apply;
mod decide;
mod rejection;
mod request;

pub use apply::{Event, State};
pub use decide::{Answer, Context, Decision, Draft, Needs, decide, finish, needs};
pub use rejection::Rejection;
pub use request::{AccountChange, Checkout, Command, IfMatch, Key, Request, Terms};

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
