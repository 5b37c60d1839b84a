//! Cartwright.
pub mod catalog;
pub mod domain;
pub mod sources;
pub mod store;
