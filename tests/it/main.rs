//! Integration tests: one binary, one folder per module.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod actors;
mod api;
mod app;
mod cql;
mod faulty;
mod figures;
mod history;
mod house;
mod line;
mod load;
mod nodes;
mod process;
mod replicas;
mod seeds;
mod store;
mod traces;
mod world;
