//! Integration tests: one binary, one folder per module.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod actors;
mod api;
mod app;
mod cql;
mod house;
mod process;
mod seeds;
mod store;
mod world;
