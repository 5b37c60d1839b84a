//! The cart of whoever asks.

use super::endpoints::{ADD_ITEM, CLEAR_CART, REMOVE_ITEM, SET_QUANTITY, VIEW_CART};
use super::error::ApiError;
use super::filters::{Call, Route, route};
use super::format::{MoneyView, Rfc3339};
use super::{Api, conditional, json};
use crate::actors::user::{CartView, Reply};
use crate::domain::cart::{Changed, Line};
use crate::domain::catalog::{Attributes, Catalog, Offer, offer};
use crate::domain::ids::{CartId, LineId, ProductId, Sku, UserId, VariantId};
use crate::domain::user::{Command, Rejection, Request};
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;
use warp::http::header::ETAG;
use warp::reply::Response;

pub(super) fn routes(api: &Api) -> Vec<Route> {
    vec![
        route(api, &VIEW_CART, view_cart),
        route(api, &ADD_ITEM, add_item),
        route(api, &SET_QUANTITY, set_quantity),
        route(api, &REMOVE_ITEM, remove_item),
        route(api, &CLEAR_CART, clear_cart),
    ]
}

async fn view_cart(call: Call) -> Result<Response, ApiError> {
    let request = Request::of(Command::ViewCart, call.claims()?.epoch);
    ask(&call, request).await
}

#[derive(Deserialize)]
struct AddItemBody {
    product_id: String,
    variant_id: Option<String>,
    quantity: i64,
    attributes: Option<Attributes>,
}

impl AddItemBody {
    fn command(self) -> Result<Command, ApiError> {
        let product = ProductId::parse(&self.product_id);
        let variant = self.variant_id.as_deref().map(VariantId::parse).transpose();
        Ok(Command::AddItem {
            product_id: product.map_err(|_| Rejection::ProductNotFound)?,
            variant_id: variant.map_err(|_| Rejection::VariantNotFound)?,
            quantity: self.quantity,
            attributes: self.attributes.unwrap_or_default(),
        })
    }
}

async fn add_item(call: Call) -> Result<Response, ApiError> {
    let body: AddItemBody = json::parse(&call.body)?;
    change(&call, body.command()?).await
}

#[derive(Deserialize)]
struct SetQuantityBody {
    quantity: i64,
}

async fn set_quantity(call: Call) -> Result<Response, ApiError> {
    let line = line(&call)?;
    let SetQuantityBody { quantity } = json::parse(&call.body)?;
    change(&call, Command::SetQuantity { line, quantity }).await
}

async fn remove_item(call: Call) -> Result<Response, ApiError> {
    let command = Command::RemoveItem(line(&call)?);
    change(&call, command).await
}

async fn clear_cart(call: Call) -> Result<Response, ApiError> {
    change(&call, Command::ClearCart).await
}

/// The line that the path names; what is no id names no line.
fn line(call: &Call) -> Result<LineId, ApiError> {
    let line = call.id()?.and_then(|id| LineId::parse(&id));
    line.ok_or_else(|| Rejection::ItemNotFound.into())
}

async fn change(call: &Call, command: Command) -> Result<Response, ApiError> {
    ask(call, call.change(command)?).await
}

async fn ask(call: &Call, request: Request) -> Result<Response, ApiError> {
    let user = call.claims()?.user;
    let reply = call.api.users.ask(user, request, call.deadline).await?;
    show(&call.api, reply)
}

fn show(api: &Api, reply: Reply) -> Result<Response, ApiError> {
    let replayed = reply.replayed;
    let view = reply.into_cart()?;
    let current = api.catalog.current();
    let body = CartBody::of(&view, &*current.snapshot);
    let mut response = json::data(StatusCode::OK, body);
    let etag = conditional::cart_etag(view.cart.revision);
    response.headers_mut().insert(ETAG, etag);
    conditional::mark_replay(response.headers_mut(), replayed);
    Ok(response)
}

/// A cart, to the letter of the API.
#[derive(Serialize)]
struct CartBody<'a> {
    id: CartId,
    user_id: UserId,
    /// Always empty: there are no carts of strangers.
    session_id: &'static str,
    items: Vec<ItemBody<'a>>,
    created_at: Rfc3339,
    updated_at: Rfc3339,
}

#[derive(Serialize)]
struct ItemBody<'a> {
    id: LineId,
    product_id: &'a ProductId,
    variant_id: Option<&'a VariantId>,
    sku: &'a Sku,
    name: &'a str,
    price: MoneyView,
    quantity: u32,
    attributes: &'a Attributes,
}

impl<'a> CartBody<'a> {
    fn of(view: &'a CartView, catalog: &'a dyn Catalog) -> Self {
        let lines = &view.cart.lines;
        let never = Changed {
            first: view.account_created_at,
            last: view.account_created_at,
        };
        let changed = view.cart.changed.unwrap_or(never);
        Self {
            id: view.user_id.cart(),
            user_id: view.user_id,
            session_id: "",
            items: lines
                .iter()
                .map(|line| ItemBody::of(line, catalog))
                .collect(),
            created_at: Rfc3339(changed.first),
            updated_at: Rfc3339(changed.last),
        }
    }
}

impl<'a> ItemBody<'a> {
    /// A line as it is sold today, or as it was last known.
    fn of(line: &'a Line, catalog: &'a dyn Catalog) -> Self {
        let last_known = Offer {
            sku: &line.sku,
            name: &line.name,
            price: line.price,
        };
        let today = offer(catalog, &line.product_id, line.variant_id.as_ref());
        let Offer { sku, name, price } = today.unwrap_or(last_known);
        Self {
            id: line.id,
            product_id: &line.product_id,
            variant_id: line.variant_id.as_ref(),
            sku,
            name,
            price: price.into(),
            quantity: line.quantity,
            attributes: &line.attributes,
        }
    }
}
