//! Cartwright: the commerce back end of a storefront.
//!
//! | module | holds |
//! |---|---|
//! | [`domain`] | the shop's rules, pure |
//! | [`sources`] | the time and randomness, injected |
//! | [`config`], [`telemetry`] | flags and environment; the log and traces |
//! | [`metrics`] | figures for Prometheus |
//! | [`store`] | what is durable: traits, the embedded store, one on ScyllaDB, one in memory |
//! | [`auth`] | passwords and tokens |
//! | [`catalog`] | what is for sale, in memory, and its search index |
//! | [`cluster`] | which node has which actor, and how nodes ask each other |
//! | [`actors`] | one actor per user and per stock item, and who supervises them |
//! | [`http`] | the REST API |
//! | [`import`] | Shopify CSV and NDJSON into the store |
//! | [`app`] | the composition root and the commands |
//!
//! `ARCHITECTURE.md` traces a request through them and names what must always hold.

pub mod actors;
pub mod app;
pub mod auth;
pub mod catalog;
pub mod cluster;
pub mod config;
pub mod domain;
pub mod http;
pub mod import;
pub mod metrics;
pub mod sources;
pub mod store;
pub mod telemetry;
