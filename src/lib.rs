//! Cartwright.
pub mod actors;
pub mod domain;
pub mod sources;
pub mod store;
