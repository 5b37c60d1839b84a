<<<<<<< HEAD
//! The API over a real socket: what a client sees of every endpoint.

mod accounts;
mod app;
mod cart;
mod catalog;
mod envelope;
mod orders;
=======
//! The API over HTTP, as a client sees it.

mod walk;
>>>>>>> main
