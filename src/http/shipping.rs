//! How orders can be sent, for anybody.

use super::catalog::shown;
use super::endpoints::LIST_SHIPPING_METHODS;
use super::error::ApiError;
use super::filters::{Call, Route, route};
use super::format::MoneyView;
use super::rendered::Answer;
use super::{Api, json};
use crate::domain::ids::ShippingMethodId;
use crate::domain::money::Currency;
use crate::domain::shop::ShippingMethod;
use serde::Serialize;
use warp::reply::Response;

pub(super) fn routes(api: &Api) -> Vec<Route> {
    vec![route(api, &LIST_SHIPPING_METHODS, list_shipping_methods)]
}

async fn list_shipping_methods(call: Call) -> Result<Response, ApiError> {
    shown(&call, |view| {
        let shop = view.snapshot.shop();
        // Where there is no currency yet nothing is sold, and the one method is free in any.
        let methods = shop.methods(shop.currency.unwrap_or(Currency::USD));
        let data: Vec<_> = methods
            .iter()
            .map(|method| ShippingMethodView::from(&**method))
            .collect();
        Answer::of(&json::Data { data })
    })
}

/// A shipping method; the first that is listed is the default.
#[derive(Serialize)]
struct ShippingMethodView<'a> {
    id: &'a ShippingMethodId,
    name: &'a str,
    price: MoneyView,
    /// Free from this discounted subtotal on.
    free_from: Option<MoneyView>,
}

impl<'a> From<&'a ShippingMethod> for ShippingMethodView<'a> {
    fn from(method: &'a ShippingMethod) -> Self {
        Self {
            id: &method.id,
            name: &method.name,
            price: method.price.into(),
            free_from: method.free_from.map(MoneyView::from),
        }
    }
}
