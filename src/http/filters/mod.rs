//! What a request passes on its way to a handler, and what it is when it gets there.
//!
//! Whose route a request takes is the endpoint table's to say. From then on nothing is a warp
//! rejection, which would let other routes try, but a value: the call, or why there is none.

mod limits;
mod session;

use super::Api;
use super::conditional;
use super::endpoints::{Endpoint, Target};
use super::error::ApiError;
use super::limiter::Class;
use super::measured::RouteMeasures;
use crate::actors::Failure;
use crate::actors::user::AccountView;
use crate::auth::access::AccessClaims;
use crate::domain::ids::{RoleId, UserId};
use crate::domain::user::{Command, Key, Request};
use bytes::{Buf, Bytes};
use futures::Stream;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, Uri};
use warp::reply::Response;

/// What is known of a request when it arrives; an extension of it.
#[derive(Debug)]
pub(super) struct Arrival {
    /// When its head was there.
    pub(super) at: Instant,
    /// Who asks, as far as addresses tell.
    pub(super) client: IpAddr,
    /// What is asked for.
    pub(super) target: Target,
    /// The same, as it was written.
    pub(super) uri: Uri,
    /// What came with it.
    pub(super) headers: HeaderMap,
    /// Whose it is, once its token was judged.
    pub(super) user: OnceLock<UserId>,
}

/// What answers the requests for an endpoint.
pub(super) struct Route {
    pub(super) endpoint: &'static Endpoint,
    pub(super) filter: BoxedFilter<(Response,)>,
    pub(super) measures: RouteMeasures,
}

/// A request that passed the filters. On the heap, as it is handed on many times.
pub(super) struct Call(Box<Passed>);

/// What is known of such a request.
pub(super) struct Passed {
    pub(super) api: Api,
    pub(super) endpoint: &'static Endpoint,
    /// Empty where the endpoint takes none.
    pub(super) body: Bytes,
    pub(super) deadline: Instant,
    arrival: Arc<Arrival>,
    claims: Option<Arc<AccessClaims>>,
    /// Of whoever asks, where roles decide.
    account: Option<AccountView>,
    /// Held until the answer is made.
    permit: Option<OwnedSemaphorePermit>,
}

impl Deref for Call {
    type Target = Passed;

    fn deref(&self) -> &Passed {
        &self.0
    }
}

impl DerefMut for Call {
    fn deref_mut(&mut self) -> &mut Passed {
        &mut self.0
    }
}

impl Call {
    fn new(api: Api, endpoint: &'static Endpoint, arrival: Arc<Arrival>) -> Self {
        Self(Box::new(Passed {
            deadline: arrival.at + api.limits.request_timeout,
            api,
            endpoint,
            body: Bytes::new(),
            arrival,
            claims: None,
            account: None,
            permit: None,
        }))
    }

    /// The headers that came with it.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.arrival.headers
    }

    /// Who asks.
    ///
    /// # Errors
    /// The endpoint is public.
    pub(super) fn claims(&self) -> Result<&AccessClaims, ApiError> {
        self.claims.as_deref().ok_or(ApiError::Unauthenticated)
    }

    /// The roles of whoever asks.
    ///
    /// # Errors
    /// The endpoint is not one where roles decide.
    pub(super) fn roles(&self) -> Result<&BTreeSet<RoleId>, ApiError> {
        let account = self.account.as_ref().ok_or(ApiError::Forbidden)?;
        Ok(&account.roles)
    }

    /// A parameter in the path, decoded; `None` where it cannot be one.
    pub(super) fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        self.endpoint.parameter(name, self.path())
    }

    /// The `id` in the path, decoded; `None` where it cannot be one.
    ///
    /// # Errors
    /// It is empty.
    pub(super) fn id(&self) -> Result<Option<Cow<'_, str>>, ApiError> {
        let id = self.parameter("id");
        match (&id, self.endpoint.id_missing) {
            (Some(id), Some(message)) if id.is_empty() => Err(ApiError::IdMissing(message)),
            _ => Ok(id),
        }
    }

    /// The query as it was written, or nothing.
    pub(super) fn query(&self) -> &str {
        self.arrival.uri.query().unwrap_or_default()
    }

    /// Path and query as they were written.
    pub(super) fn target(&self) -> &str {
        let target = self.arrival.uri.path_and_query();
        target.map_or("", |target| target.as_str())
    }

    /// The idempotency key, if there is one.
    ///
    /// # Errors
    /// The header is malformed.
    pub(super) fn key(&self) -> Result<Option<Key>, ApiError> {
        let method = &self.endpoint.method;
        conditional::key(self.headers(), method, self.path(), &self.body)
    }

    /// A change of the cart or an order, with the conditions and the key that came with it.
    ///
    /// # Errors
    /// A malformed key.
    pub(super) fn change(&self, command: Command) -> Result<Request, ApiError> {
        Ok(Request {
            command,
            epoch: Some(self.claims()?.epoch),
            if_match: conditional::if_match(self.headers()),
            key: self.key()?,
        })
    }

    fn path(&self) -> &str {
        self.arrival.uri.path()
    }
}

/// The route of an endpoint: its calls go to `handler` once they passed the limits, their access
/// token was verified, and the account's roles allow them.
pub(super) fn route<H, F>(api: &Api, endpoint: &'static Endpoint, handler: H) -> Route
where
    H: Fn(Call) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, ApiError>> + Send + 'static,
{
    let (api, measures) = (api.clone(), api.measures().of(endpoint));
    let filter = warp::ext::get::<Arc<Arrival>>()
        .and(warp::body::stream())
        .then(move |arrival, body| {
            let call = Call::new(api.clone(), endpoint, arrival);
            let handler = handler.clone();
            async move {
                let answered = match pass(call, body).await {
                    Ok(call) => handler(call).await,
                    Err(error) => Err(error),
                };
                answered.unwrap_or_else(ApiError::into_response)
            }
        });
    Route {
        endpoint,
        filter: filter.boxed(),
        measures,
    }
}

/// What every call passes, in this order. Nothing is taken from a client that is refused already:
/// its body is thrown away.
async fn pass(
    call: Call,
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
) -> Result<Call, ApiError> {
    let (api, endpoint) = (call.api.clone(), call.endpoint);
    let counted = api
        .limiter
        .count_address(endpoint.class, call.arrival.client);
    let passed = counted.map_err(ApiError::from);
    match passed.and_then(|()| session::authenticate(call)) {
        Ok(call) => session::authorize(limits::admit(call, body).await?).await,
        Err(error) => {
            limits::discard(&api, endpoint, body).await;
            Err(error)
        }
    }
}

/// Answers a request that no route takes.
pub(super) fn unmatched(api: &Api, arrival: &Arrival) -> Response {
    if let Err(reached) = api.limiter.count_address(Class::Anonymous, arrival.client) {
        return ApiError::from(reached).into_response();
    }
    let error = match &arrival.target {
        Target::Unknown => ApiError::UnknownRoute,
        Target::WrongMethod(allow) => ApiError::MethodNotAllowed(allow.clone()),
        Target::Endpoint(endpoint) => {
            tracing::error!(http.route = endpoint.path, "http.route.missing");
            ApiError::Failed(Failure::Internal)
        }
    };
    error.into_response()
}
