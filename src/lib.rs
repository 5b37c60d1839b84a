//! Cartwright.
pub mod domain;
pub mod sources;
pub mod store;
