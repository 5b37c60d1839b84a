//! The bytes of every stored type, held fast.

use super::samples::*;
use cartwright::domain::stock::{Hold, HoldState, StockLevel};
use cartwright::store::Error;
use cartwright::store::encoding::{cart_bytes, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Today's bytes of the value, once they were seen to mean it.
fn bytes_of<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> String {
    let bytes = encode(value);
    assert_eq!(decode::<T>(&bytes).as_ref(), Ok(value));
    hex(&bytes)
}
