//! The actors over a store that fails as it is told.

mod audit;
mod checkout;
mod checkout_crash;
mod checkout_history;
mod checkout_owners;
mod checkout_races;
mod commit_path;
mod recovery;
mod stock;
