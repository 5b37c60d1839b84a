//! The actors over a store that fails as it is told.

mod accounts;
mod checkout;
mod commit_path;
mod conflict;
mod history;
mod keys;
mod overload;
mod panics;
mod passivation;
mod sessions;
mod supervision;
