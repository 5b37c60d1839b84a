//! Orders: quoted and placed from the cart, listed and shown to their owners, shown to staff.

use super::endpoints::{LIST_ORDERS, PLACE_ORDER, QUOTE_ORDER, VIEW_ORDER};
use super::error::ApiError;
use super::filters::{Call, Route, route};
use super::format::{MoneyView, Rfc3339};
use super::json::Object;
use super::query::{Page, Paged};
use super::{Api, conditional, json};
use crate::domain::access::is_staff;
use crate::domain::address::{Address, AddressInput, Destination, InvalidAddress};
use crate::domain::catalog::Attributes;
use crate::domain::ids::{
    LineId, OrderId, ProductId, PromotionCode, ShippingMethodId, Sku, UserId, VariantId,
};
use crate::domain::money::{Currency, Money};
use crate::domain::order::{Order, OrderLine, OrderStatus, Quote};
use crate::domain::user::{Checkout, Command, Request, Terms};
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;
use warp::http::header::{HeaderValue, LOCATION};
use warp::reply::Response;

/// The most promotion codes of an order.
const MAX_CODES: usize = 10;
/// The longest notes, in characters.
const MAX_NOTES: usize = 2_000;
/// The longest payment token, in characters.
const MAX_PAYMENT_METHOD: usize = 255;

pub(super) fn routes(api: &Api) -> Vec<Route> {
    vec![
        route(api, &PLACE_ORDER, place_order),
        route(api, &QUOTE_ORDER, quote_order),
        route(api, &VIEW_ORDER, view_order),
        route(api, &LIST_ORDERS, list_orders),
    ]
}

async fn place_order(call: Call) -> Result<Response, ApiError> {
    let body: OrderBody = json::parse(&call.body)?;
    let command = Command::PlaceOrder(Box::new(body.checkout()?));
    let request = call.change(command)?;
    let user = call.claims()?.user;
    let reply = call.api.users.ask(user, request, call.deadline).await?;
    let replayed = reply.replayed;
    let order = reply.into_order()?;
    let mut response = json::data(StatusCode::CREATED, OrderView::from(&*order));
    let headers = response.headers_mut();
    let location = HeaderValue::try_from(format!("{}/{}", PLACE_ORDER.path, order.id));
    if let Ok(location) = location {
        headers.insert(LOCATION, location);
    }
    conditional::mark_replay(headers, replayed);
    Ok(response)
}

/// Changes nothing: neither `Idempotency-Key` nor `If-Match` applies.
async fn quote_order(call: Call) -> Result<Response, ApiError> {
    let body = match call.body.trim_ascii() {
        [] => OrderBody::default(),
        body => json::parse(body)?,
    };
    let command = Command::Quote(Box::new(body.terms()?));
    let claims = call.claims()?;
    let request = Request::of(command, claims.epoch);
    let reply = call.api.users.ask(claims.user, request, call.deadline);
    let quote = reply.await?.into_quote()?;
    Ok(json::data(StatusCode::OK, QuoteView::from(&*quote)))
}

async fn list_orders(call: Call) -> Result<Response, ApiError> {
    let page = Page::parse(call.query())?;
    let claims = call.claims()?;
    let orders = call.api.orders.page(
        claims.user,
        claims.epoch,
        page.offset(),
        page.size,
        call.deadline,
    );
    let found = orders.await?;
    let paged = Paged {
        data: found.orders.iter().map(OrderView::from).collect(),
        meta: page.meta(found.total),
    };
    Ok(json::response(StatusCode::OK, &paged))
}

async fn view_order(call: Call) -> Result<Response, ApiError> {
    let id = call.id()?.and_then(|id| OrderId::parse(&id));
    let id = id.ok_or(ApiError::NoSuchOrder)?;
    let reader = call.claims()?;
    let order = call
        .api
        .orders
        .order(reader.user, reader.epoch, id, call.deadline);
    let order = order.await?.ok_or(ApiError::NoSuchOrder)?;
    if order.user_id == reader.user || is_staff(&reader.roles) {
        Ok(json::data(StatusCode::OK, OrderView::from(&order)))
    } else {
        Err(ApiError::NotYourOrder)
    }
}

/// The body of an order, and of a quote, which does without any of it.
#[derive(Default, Deserialize)]
struct OrderBody {
    shipping_address: Option<Object<AddressInput>>,
    billing_address: Option<Object<AddressInput>>,
    payment_method_id: Option<String>,
    promotion_codes: Option<Vec<String>>,
    shipping_method_id: Option<String>,
    notes: Option<String>,
    expected_total: Option<Object<MoneyBody>>,
}

#[derive(Deserialize)]
struct MoneyBody {
    amount: i64,
    currency: String,
}

impl OrderBody {
    fn checkout(self) -> Result<Checkout, ApiError> {
        let shipping = required("shipping_address", self.shipping_address)?;
        let payment = required("payment_method_id", self.payment_method_id)?;
        let billing = self.billing_address;
        Ok(Checkout {
            shipping_address: address(Address::parse, shipping, "shipping_address")?,
            billing_address: billing
                .map(|billing| address(Address::parse, billing, "billing_address"))
                .transpose()?,
            payment_method_id: payment_method(payment)?,
            promotion_codes: promotion_codes(&self.promotion_codes.unwrap_or_default())?,
            shipping_method_id: self.shipping_method_id.map(shipping_method).transpose()?,
            notes: notes(self.notes.unwrap_or_default())?,
            expected_total: self
                .expected_total
                .map(|given| money(&given.0))
                .transpose()?,
        })
    }

    /// What the price depends on; the rest is checked all the same, as the order would be.
    fn terms(self) -> Result<Terms, ApiError> {
        let (shipping, billing) = (self.shipping_address, self.billing_address);
        let destination = shipping
            .map(|shipping| address(Destination::parse, shipping, "shipping_address"))
            .transpose()?;
        billing
            .map(|billing| address(Destination::parse, billing, "billing_address"))
            .transpose()?;
        self.payment_method_id.map(payment_method).transpose()?;
        self.notes.map(notes).transpose()?;
        self.expected_total
            .map(|given| money(&given.0))
            .transpose()?;
        Ok(Terms {
            destination: destination.flatten(),
            promotion_codes: promotion_codes(&self.promotion_codes.unwrap_or_default())?,
            shipping_method_id: self.shipping_method_id.map(shipping_method).transpose()?,
        })
    }
}

fn required<T>(name: &str, given: Option<T>) -> Result<T, ApiError> {
    given.ok_or_else(|| ApiError::InvalidRequest(format!("{name} is required")))
}

fn address<T>(
    parse: impl Fn(AddressInput, &str) -> Result<T, InvalidAddress>,
    given: Object<AddressInput>,
    path: &str,
) -> Result<T, ApiError> {
    parse(given.0, path).map_err(|error| ApiError::InvalidRequest(error.to_string()))
}

fn payment_method(given: String) -> Result<String, ApiError> {
    if conditional::is_visible(given.as_bytes(), MAX_PAYMENT_METHOD) {
        Ok(given)
    } else {
        Err(ApiError::InvalidRequest(format!(
            "payment_method_id must be 1 to {MAX_PAYMENT_METHOD} visible ASCII characters"
        )))
    }
}

fn promotion_codes(given: &[String]) -> Result<Vec<PromotionCode>, ApiError> {
    if given.len() > MAX_CODES {
        return Err(ApiError::InvalidRequest(format!(
            "promotion_codes must be at most {MAX_CODES}"
        )));
    }
    let codes = given.iter().enumerate().map(|(index, code)| {
        let code = PromotionCode::parse(code);
        code.map_err(|error| ApiError::InvalidRequest(format!("promotion_codes[{index}] {error}")))
    });
    codes.collect()
}

fn shipping_method(given: String) -> Result<ShippingMethodId, ApiError> {
    ShippingMethodId::parse(&given)
        .map_err(|error| ApiError::InvalidRequest(format!("shipping_method_id {error}")))
}

fn notes(given: String) -> Result<String, ApiError> {
    if given.chars().nth(MAX_NOTES).is_none() {
        Ok(given)
    } else {
        Err(ApiError::InvalidRequest(format!(
            "notes must be at most {MAX_NOTES} characters"
        )))
    }
}

fn money(given: &MoneyBody) -> Result<Money, ApiError> {
    let currency = Currency::parse(&given.currency)
        .map_err(|error| ApiError::InvalidRequest(format!("expected_total.currency {error}")))?;
    Money::new(given.amount, currency).map_err(|_| {
        ApiError::InvalidRequest(format!(
            "expected_total.amount must be at most {}",
            Money::MAX_AMOUNT
        ))
    })
}

/// An order, to the letter of the API.
#[derive(Serialize)]
struct OrderView<'a> {
    id: OrderId,
    order_number: String,
    user_id: UserId,
    status: &'static str,
    items: Vec<LineView<'a>>,
    shipping_address: &'a Address,
    billing_address: &'a Address,
    subtotal: MoneyView,
    discount_total: MoneyView,
    tax_total: MoneyView,
    shipping_total: MoneyView,
    total: MoneyView,
    notes: &'a str,
    created_at: Rfc3339,
    updated_at: Rfc3339,
}

/// What an order would come to, named as the order names it.
#[derive(Serialize)]
struct QuoteView<'a> {
    items: Vec<LineView<'a>>,
    subtotal: MoneyView,
    discount_total: MoneyView,
    tax_total: MoneyView,
    shipping_total: MoneyView,
    total: MoneyView,
    shipping_method_id: &'a ShippingMethodId,
    promotion_codes: Vec<&'a str>,
}

#[derive(Serialize)]
struct LineView<'a> {
    id: LineId,
    product_id: &'a ProductId,
    variant_id: Option<&'a VariantId>,
    sku: &'a Sku,
    name: &'a str,
    attributes: &'a Attributes,
    unit_price: MoneyView,
    quantity: u32,
    discount_amount: MoneyView,
    tax_amount: MoneyView,
    total: MoneyView,
}

impl<'a> From<&'a Order> for OrderView<'a> {
    fn from(order: &'a Order) -> Self {
        let totals = order.totals;
        Self {
            id: order.id,
            order_number: order.id.number(),
            user_id: order.user_id,
            status: match order.status {
                OrderStatus::Pending => "pending",
            },
            items: order.lines.iter().map(LineView::from).collect(),
            shipping_address: &order.shipping_address,
            billing_address: &order.billing_address,
            subtotal: totals.subtotal.into(),
            discount_total: totals.discount.into(),
            tax_total: totals.tax.into(),
            shipping_total: totals.shipping.into(),
            total: totals.total.into(),
            notes: &order.notes,
            created_at: Rfc3339(order.created_at),
            updated_at: Rfc3339(order.updated_at),
        }
    }
}

impl<'a> From<&'a Quote> for QuoteView<'a> {
    fn from(quote: &'a Quote) -> Self {
        let totals = quote.totals;
        let codes = quote.promotion_codes.iter();
        Self {
            items: quote.lines.iter().map(LineView::from).collect(),
            subtotal: totals.subtotal.into(),
            discount_total: totals.discount.into(),
            tax_total: totals.tax.into(),
            shipping_total: totals.shipping.into(),
            total: totals.total.into(),
            shipping_method_id: &quote.shipping_method_id,
            promotion_codes: codes.map(PromotionCode::as_str).collect(),
        }
    }
}

impl<'a> From<&'a OrderLine> for LineView<'a> {
    fn from(line: &'a OrderLine) -> Self {
        Self {
            id: line.id,
            product_id: &line.product_id,
            variant_id: line.variant_id.as_ref(),
            sku: &line.sku,
            name: &line.name,
            attributes: &line.attributes,
            unit_price: line.unit_price.into(),
            quantity: line.quantity,
            discount_amount: line.discount.into(),
            tax_amount: line.tax.into(),
            total: line.total.into(),
        }
    }
}
