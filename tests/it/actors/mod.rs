//! The actors over a store that fails as it is told.

mod accounts;
mod administration;
mod audit;
mod checkout;
mod checkout_crash;
mod checkout_history;
mod checkout_owners;
mod checkout_races;
mod commit_path;
mod conflict;
mod history;
mod keys;
mod openid;
mod overload;
mod panics;
mod passivation;
mod recovery;
mod repeat;
mod sessions;
mod stock;
mod supervision;
