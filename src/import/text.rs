//! From text to values: decimal numbers without floating point, slugs, plain text from HTML.

mod decimal;
mod html;
mod slug;

pub(super) use decimal::{amount, percent};
pub(super) use html::plain;
pub(super) use slug::{fit, slug};
