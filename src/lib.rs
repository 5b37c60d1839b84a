//! Cartwright.
<<<<<<< HEAD
pub mod actors;
pub mod auth;
pub mod config;
=======
pub mod catalog;
>>>>>>> catalog
pub mod domain;
pub mod http;
pub mod sources;
pub mod store;
pub mod telemetry;
