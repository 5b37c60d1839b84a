//! What can be asked of a user's actor.

use crate::domain::account::Claim;
use crate::domain::address::{Address, Destination};
use crate::domain::catalog::Attributes;
use crate::domain::ids::{
    FamilyId, LineId, OrderId, ProductId, PromotionCode, RoleId, ShippingMethodId, VariantId,
};
use crate::domain::money::Money;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A command with what it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What is asked.
    pub command: Command,
    /// The epoch of the access token that came with it; `None` where none is needed.
    pub epoch: Option<u32>,
    /// The cart revisions that it may act on.
    pub if_match: IfMatch,
    /// The idempotency key that came with it.
    pub key: Option<Key>,
}

impl Request {
    /// A command under an access token of `epoch`, unconditional and without a key.
    #[must_use]
    pub fn of(command: Command, epoch: u32) -> Self {
        Self {
            command,
            epoch: Some(epoch),
            if_match: IfMatch::Anything,
            key: None,
        }
    }

    /// A command that needs no access token.
    #[must_use]
    pub fn anonymous(command: Command) -> Self {
        Self {
            command,
            epoch: None,
            if_match: IfMatch::Anything,
            key: None,
        }
    }
}

/// A condition on the cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IfMatch {
    /// None.
    Anything,
    /// One of these revisions; none of them, where the header named nothing that ever was one.
    Revisions(Vec<u64>),
}

/// An idempotency key, and a fingerprint of the request that it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// 1 to 255 visible ASCII characters.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub fingerprint: [u8; 32],
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Opens a session for the owner of a claim, and completes the account where registration
    /// got no further than the claim.
    OpenSession {
        /// The claim, whose credential was verified.
        claim: Box<Claim>,
        /// The new session's id.
        family: FamilyId,
        /// SHA-256 of its first refresh token.
        token_hash: [u8; 32],
    },
    /// Completes the account of a claim, without a session.
    CompleteAccount(Box<Claim>),
    /// Exchanges a refresh token for the next.
    Refresh {
        /// The session.
        family: FamilyId,
        /// The presented token's generation.
        generation: u32,
        /// SHA-256 of the presented token.
        token_hash: [u8; 32],
        /// SHA-256 of the token that would follow it.
        next_hash: [u8; 32],
    },
    /// Ends every session and voids every access token.
    Logout,
    /// Checks the access token and shows who the user is.
    ViewAccount,
    /// Changes the account on an administrator's word.
    Administer {
        /// How.
        change: AccountChange,
        /// The epoch at which the account was seen when the change was judged; refused at another.
        seen: u32,
    },
    /// Shows the cart.
    ViewCart,
    /// Puts units of a product into the cart.
    AddItem {
        /// The product.
        product_id: ProductId,
        /// The variant, where it has any.
        variant_id: Option<VariantId>,
        /// Units, as the client wrote it.
        quantity: i64,
        /// What the customer chose.
        attributes: Attributes,
    },
    /// Sets the quantity of a line.
    SetQuantity {
        /// The line.
        line: LineId,
        /// Units, as the client wrote it.
        quantity: i64,
    },
    /// Removes a line.
    RemoveItem(LineId),
    /// Removes all lines.
    ClearCart,
    /// Shows what an order of the cart would come to.
    Quote(Box<Terms>),
    /// Orders what is in the cart.
    PlaceOrder(Box<Checkout>),
    /// Moves the partition's version, so that no commit that rests on an earlier one can still
    /// take effect.
    Fence {
        /// Refused while an attempt at this order is still being made here.
        unless_placing: OrderId,
    },
}

/// What administrators change of an account. Each moves the epoch: access tokens that were issued
/// before are void, and so are changes that were judged before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountChange {
    /// Gives a role.
    AssignRole {
        /// The role.
        role: RoleId,
        /// What the account has of roles that there are no more: they go.
        gone: BTreeSet<RoleId>,
    },
    /// Takes a role.
    RemoveRole(RoleId),
    /// Lets the user log in, or ends every session and no longer does.
    SetActive(bool),
    /// Nothing else.
    Confirm,
}

impl Command {
    /// Whether an idempotency key and `If-Match` apply to it.
    #[must_use]
    pub fn changes_cart_or_orders(&self) -> bool {
        matches!(
            self,
            Self::AddItem { .. }
                | Self::SetQuantity { .. }
                | Self::RemoveItem(_)
                | Self::ClearCart
                | Self::PlaceOrder(_)
        )
    }
}

/// What an order's price depends on, beside the cart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Where taxes are due; none are where that is not known yet.
    pub destination: Option<Destination>,
    /// The codes, in the order given.
    pub promotion_codes: Vec<PromotionCode>,
    /// How it is sent; the shop's default where absent.
    pub shipping_method_id: Option<ShippingMethodId>,
}

/// How an order is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// Where it goes.
    pub shipping_address: Address,
    /// Who pays, where that is somebody else.
    pub billing_address: Option<Address>,
    /// The payment provider's token.
    pub payment_method_id: String,
    /// The codes, in the order given.
    pub promotion_codes: Vec<PromotionCode>,
    /// How it is sent; the shop's default where absent.
    pub shipping_method_id: Option<ShippingMethodId>,
    /// The customer's words.
    pub notes: String,
    /// What the customer was shown; another total is refused.
    pub expected_total: Option<Money>,
}

impl Checkout {
    /// What the price depends on.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            destination: Some(self.shipping_address.destination()),
            promotion_codes: self.promotion_codes.clone(),
            shipping_method_id: self.shipping_method_id.clone(),
        }
    }
}
