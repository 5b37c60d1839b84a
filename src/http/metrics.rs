//! The figures of the server, for Prometheus.

use super::Api;
use super::endpoints::METRICS;
use super::error::ApiError;
use super::filters::{Call, Route, route};
use crate::actors::Failure;
use crate::metrics::MEDIA_TYPE;
use warp::http::header::{CONTENT_TYPE, HeaderValue};
use warp::reply::Response;

pub(super) fn routes(api: &Api) -> Vec<Route> {
    vec![route(api, &METRICS, show)]
}

async fn show(call: Call) -> Result<Response, ApiError> {
    let text = call.api.metrics.render();
    let text = text.map_err(|_| ApiError::Failed(Failure::Internal))?;
    let mut response = Response::new(text.into());
    let media_type = HeaderValue::from_static(MEDIA_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    Ok(response)
}
