//! The shop's rules, pure: no IO, no async, no clock, no randomness.
//!
//! What a rule needs of the world (the time, fresh ids, today's prices, a stock figure) is handed
//! in. Nothing here knows HTTP or a store; stored types derive `Serialize` for `store::encoding`.

pub mod access;
pub mod account;
pub mod address;
pub mod cart;
pub mod catalog;
pub mod identity;
pub mod ids;
pub mod money;
pub mod order;
pub mod pricing;
pub mod regions;
pub mod shop;
pub mod stock;
pub mod time;
pub mod user;
