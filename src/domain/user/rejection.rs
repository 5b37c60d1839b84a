//! Why a request is refused. A refusal is an answer: it changes nothing and harms nobody.

use crate::domain::account::{MAX_KEYS, MAX_ROLES};
use crate::domain::cart::{
    MAX_ATTRIBUTE_NAME, MAX_ATTRIBUTE_VALUE, MAX_ATTRIBUTES, MAX_BYTES, MAX_LINES, MAX_QUANTITY,
};
use crate::domain::ids::{PromotionCode, ShippingMethodId};
use crate::domain::money::Money;
use serde::{Deserialize, Serialize};

/// A refusal; its text is for the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[expect(missing_docs, reason = "each says it in its text")]
pub enum Rejection {
    #[error("the access token is no longer valid")]
    Unauthenticated,
    #[error("there is no such user")]
    UserNotFound,
    #[error("the account is inactive")]
    AccountInactive,
    #[error("refresh_token is not valid")]
    InvalidRefreshToken,
    #[error("the account was changed meanwhile")]
    AccountChanged,
    #[error("a user can have at most {MAX_ROLES} roles")]
    TooManyRoles,

    #[error("quantity must be a whole number from 1 to {MAX_QUANTITY}")]
    InvalidQuantity,
    #[error(
        "attributes must be at most {MAX_ATTRIBUTES}, with names of 1 to {MAX_ATTRIBUTE_NAME} bytes and values of at most {MAX_ATTRIBUTE_VALUE} bytes"
    )]
    InvalidAttributes,
    #[error("product_id names no product that is sold")]
    ProductNotFound,
    #[error("variant_id names no variant of the product")]
    VariantNotFound,
    #[error("variant_id is required: the product has variants")]
    VariantRequired,
    #[error("only {available} of {sku} available")]
    OutOfStock { sku: String, available: u64 },
    #[error("the cart has {MAX_LINES} lines, which is the most that it can have")]
    CartFull,
    #[error("the cart would be larger than {MAX_BYTES} bytes")]
    CartTooLarge,
    #[error("the cart has no such item")]
    ItemNotFound,
    #[error("the cart has changed: If-Match does not name its current ETag")]
    PreconditionFailed,

    #[error("the Idempotency-Key was used for another request")]
    KeyReused,
    #[error("more than {MAX_KEYS} idempotency keys in 24 hours")]
    TooManyKeys,

    #[error("the cart is empty")]
    CartEmpty,
    #[error("{name} is no longer sold: remove it from the cart")]
    ProductUnavailable { name: String },
    #[error("shipping_method_id {0} is not a shipping method of this shop")]
    UnknownShippingMethod(ShippingMethodId),
    #[error("promotion_codes: {code} {problem}")]
    Promotion {
        code: PromotionCode,
        problem: String,
    },
    #[error("expected_total is not what the order comes to: the total is now {0}")]
    PriceChanged(Money),
    #[error("the order's total is too large")]
    TotalTooLarge,
    #[error("the cart changed while the order was being placed")]
    CartChanged,
}
