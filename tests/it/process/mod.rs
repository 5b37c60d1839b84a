//! The program itself, as a process: its commands, its signals, and what survives its death.

pub mod api;
pub mod binary;
mod commands;
mod health;
mod import;
mod keyspace;
mod kill;
mod metrics;
mod openid;
mod secure;
mod signals;
