//! The actors over a store that fails as it is told.

mod checkout;
mod commit_path;
