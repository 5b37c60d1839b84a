//! The API over HTTP, as a client sees it.

mod flash_sale;
mod walk;
