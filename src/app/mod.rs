//! The composition root: opens the store, starts the actors, serves, and takes it all down again.
//! There are no globals, so that several servers live in one process.

mod data;
mod generate;
mod health;
mod import;
mod migrate;
mod nodes;
mod process;
mod server;
mod signals;

pub use health::health;
pub use import::import;
pub use migrate::migrate;
pub use process::{main, serve};
pub use server::{Listeners, Server, StartError, Stores};
