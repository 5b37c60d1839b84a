//! Cartwright.
pub mod actors;
pub mod auth;
pub mod catalog;
pub mod config;
pub mod domain;
pub mod http;
pub mod import;
pub mod sources;
pub mod store;
pub mod telemetry;
