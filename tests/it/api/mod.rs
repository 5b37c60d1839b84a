//! The API over a real socket: what a client sees of every endpoint.

mod accounts;
mod admin;
mod cart;
mod catalog;
pub mod client;
mod envelope;
mod faults;
mod faulty;
mod flash_sale;
mod google;
mod large_catalogue;
mod limits;
mod metrics;
mod orders;
mod overload;
mod promotions;
mod quotes;
pub mod shop;
mod unlucky;
mod walk;
