//! Orders as they are kept, and the attempts from which they come.

use super::address::Address;
use super::catalog::Attributes;
use super::ids::{
    LineId, OrderId, ProductId, PromotionCode, ShippingMethodId, Sku, UserId, VariantId,
};
use super::money::Money;
use super::stock::StockKey;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How far an order is. The built-in payment provider leaves it pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderStatus {
    /// Placed; the shop collects the payment later.
    Pending,
}

/// An order. Immutable once written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id; the number derives from it.
    pub id: OrderId,
    /// Who placed it.
    pub user_id: UserId,
    /// 1, 2, 3 … of its user.
    pub seq: u64,
    /// How far it is.
    pub status: OrderStatus,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
    /// Where it goes.
    pub shipping_address: Address,
    /// Who pays.
    pub billing_address: Address,
    /// The payment provider's token.
    pub payment_method_id: String,
    /// The codes that were used.
    pub promotion_codes: Vec<PromotionCode>,
    /// How it is sent.
    pub shipping_method_id: ShippingMethodId,
    /// What it costs.
    pub totals: Totals,
    /// The customer's words.
    pub notes: String,
    /// Placed.
    pub created_at: Timestamp,
    /// Last changed.
    pub updated_at: Timestamp,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// The id that it had in the cart.
    pub id: LineId,
    /// The product.
    pub product_id: ProductId,
    /// The variant.
    pub variant_id: Option<VariantId>,
    /// What was counted.
    pub sku: Sku,
    /// The name then.
    pub name: String,
    /// What the customer chose.
    pub attributes: Attributes,
    /// Units.
    pub quantity: u32,
    /// Price of one then.
    pub unit_price: Money,
    /// Its share of the discounts.
    pub discount: Money,
    /// Its tax.
    pub tax: Money,
    /// unit price x quantity - discount + tax.
    pub total: Money,
}

/// The sums of an order; each is the sum of its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Prices x quantities.
    pub subtotal: Money,
    /// Discounts.
    pub discount: Money,
    /// Taxes.
    pub tax: Money,
    /// Shipping.
    pub shipping: Money,
    /// subtotal - discount + tax + shipping.
    pub total: Money,
}

/// What an order would come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// What would be ordered.
    pub lines: Vec<OrderLine>,
    /// The codes that count, each once.
    pub promotion_codes: Vec<PromotionCode>,
    /// How it would be sent.
    pub shipping_method_id: ShippingMethodId,
    /// What it would cost.
    pub totals: Totals,
}

/// What an order in the making may come to hold; written before anything is reserved, never
/// changed, so that whoever finds it can finish or undo the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The order that it may become.
    pub order_id: OrderId,
    /// Whose.
    pub user_id: UserId,
    /// Begun.
    pub created_at: Timestamp,
    /// After this, recovery may end it.
    pub deadline: Timestamp,
    /// Every item with the units that it takes, each item once.
    pub demand: Vec<(StockKey, u32)>,
}
