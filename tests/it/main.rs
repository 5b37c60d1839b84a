//! Integration tests: one binary, one folder per module.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod actors;
mod api;
<<<<<<< HEAD
=======
mod app;
>>>>>>> main
mod store;
mod world;
