//! Cartwright.
pub mod catalog;
pub mod domain;
pub mod import;
pub mod sources;
pub mod store;
