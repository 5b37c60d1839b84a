//! Cartwright.
pub mod auth;
pub mod domain;
pub mod sources;
pub mod store;
