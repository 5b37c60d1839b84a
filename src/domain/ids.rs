//! Identifiers. UUIDs for what the shop makes itself, opaque text for what an import names.

use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// Longer than [`MAX_TEXT_ID`] bytes.
    #[error("must be at most {MAX_TEXT_ID} bytes")]
    TooLong,
    /// Holds a control character.
    #[error("must not contain control characters")]
    ControlCharacter,
}

/// The longest text identifier, in bytes.
pub const MAX_TEXT_ID: usize = 128;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The id that a path or a token names, or `None` where it is no UUID.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Uuid::try_parse(text).ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

uuid_ids! {
    /// A user: the key of the partition and of the actor.
    UserId,
    /// A user's cart; derived from the user's id.
    CartId,
    /// One line of a cart, and of the order that it became.
    LineId,
    /// An order, and the attempt that it began as.
    OrderId,
    /// One login and the refresh tokens that descend from it.
    FamilyId,
    /// A role's definition.
    RoleId,
    /// A permission's definition.
    PermissionId,
    /// One run of a process that serves requests: a process that starts again is another node.
    NodeId,
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// # Errors
            /// Empty after trimming, over [`MAX_TEXT_ID`] bytes, or with control characters.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                checked(text).map(|text| Self(text.into()))
            }

            /// The text as it was given, trimmed.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

text_ids! {
    /// A product of the catalogue, `prod-1`.
    ProductId,
    /// A variant of a product.
    VariantId,
    /// A category of the catalogue.
    CategoryId,
    /// A brand of the catalogue.
    BrandId,
    /// A stock keeping unit: what is counted, held and sold.
    Sku,
    /// A shipping method, `ship_standard`.
    ShippingMethodId,
}

fn checked(text: &str) -> Result<&str, InvalidId> {
    let text = text.trim();
    if text.is_empty() {
        Err(InvalidId::Empty)
    } else if text.len() > MAX_TEXT_ID {
        Err(InvalidId::TooLong)
    } else if text.chars().any(char::is_control) {
        Err(InvalidId::ControlCharacter)
    } else {
        Ok(text)
    }
}

/// A promotion's code, compared without regard to case: stored in capitals.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Debug)]
#[serde(transparent)]
pub struct PromotionCode(Arc<str>);

impl PromotionCode {
    /// # Errors
    /// As for every text id.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        checked(text).map(|text| Self(text.to_uppercase().into()))
    }

    /// The code in capitals.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PromotionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ShippingMethodId {
    /// The one method of a shop that has none of its own, `ship_standard`.
    #[must_use]
    pub fn standard() -> Self {
        Self("ship_standard".into())
    }
}

const CARTS: Uuid = Uuid::from_u128(0x8f1e_6a52_3c0b_4d7e_9a44_51c2_7d90_b3e6);

impl UserId {
    /// The id of the user's one cart, the same on every node and before anything was written.
    #[must_use]
    pub fn cart(self) -> CartId {
        CartId(Uuid::new_v5(&CARTS, self.0.as_bytes()))
    }
}

impl OrderId {
    /// The id of an order that is made now, from a random UUID (version 7): ids of one time lie
    /// beside each other, wherever a store keeps them in order.
    #[must_use]
    pub fn new(now: Timestamp, random: Uuid) -> Self {
        let [_, _, _, _, _, _, random @ ..] = *random.as_bytes();
        let millis = u64::try_from(now.0).unwrap_or_default();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// The number that people read out: `ORD-` and 16 characters of Crockford's base 32.
    ///
    /// The low 80 bits of a random id, 74 of them random, so no node has to ask another.
    #[must_use]
    pub fn number(self) -> String {
        const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let bits = self.0.as_u128();
        let digits = (0..16)
            .rev()
            .map(|digit| char::from(DIGITS[((bits >> (digit * 5)) & 31) as usize]));
        "ORD-".chars().chain(digits).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_number_is_sixteen_readable_characters_of_the_id() {
        let id = OrderId(Uuid::from_u128(0xdead_beef_0000_4000_8000_0000_0000_001f));
        assert_eq!(id.number(), "ORD-800800000000000Z");
    }

    #[test]
    fn order_ids_sort_by_the_time_and_keep_their_randomness() {
        let random = Uuid::from_u128(0xffff_ffff_ffff_4abc_8000_1234_5678_9abc);
        let at = |millis| OrderId::new(Timestamp(millis), random);
        let id = at(0x0190_0000_0001);
        assert_eq!(id.to_string(), "01900000-0001-7abc-8000-123456789abc");
        assert!(at(0x0190_0000_0000) < id && id < at(0x0190_0000_0002));
    }

    #[test]
    fn text_ids_are_trimmed_and_bounded() {
        assert_eq!(ProductId::parse("  prod-1 ").unwrap().as_str(), "prod-1");
        assert_eq!(Sku::parse("  "), Err(InvalidId::Empty));
        assert_eq!(Sku::parse(&"x".repeat(129)), Err(InvalidId::TooLong));
        assert_eq!(Sku::parse("a\nb"), Err(InvalidId::ControlCharacter));
        assert_eq!(
            PromotionCode::parse("save10"),
            PromotionCode::parse("SAVE10")
        );
    }
}
