//! Every refusal and failure as the client sees it. The one place that knows which status, code
//! and message each has.

use super::json;
use super::limiter::LimitReached;
use crate::actors::Failure;
use crate::actors::accounts::{AccountFailure, OpenIdFailure};
use crate::actors::administration::AdministrationFailure;
use crate::domain::access::Refusal;
use crate::domain::user::Rejection;
use serde::Serialize;
use warp::http::header::{ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use warp::http::{HeaderMap, StatusCode};
use warp::reply::Response;

/// Why a request is not answered with what it asked for. Its text is for the client.
#[derive(Clone, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says it in its text")]
pub enum ApiError {
    #[error("there is nothing at this path")]
    UnknownRoute,
    #[error("this path takes only {0}")]
    MethodNotAllowed(String),
    #[error("{0}")]
    InvalidRequest(String),
    #[error("{0}")]
    IdMissing(&'static str),
    #[error("Content-Type must be application/json")]
    UnsupportedMediaType,
    #[error("the body must be at most {0} bytes")]
    BodyTooLarge(usize),
    #[error("the body did not arrive in time")]
    RequestTimeout,
    #[error("the body did not arrive whole")]
    BodyInterrupted,
    #[error("too many requests, try again in {0} s")]
    RateLimited(u16),
    #[error("too many requests are being served, try again later")]
    Overloaded,
    #[error("not ready: {0}")]
    NotReady(&'static str),

    #[error("a valid access token is required")]
    Unauthenticated,
    #[error("you don't have permission to view this order")]
    NotYourOrder,
    #[error("you don't have a role that may do this")]
    Forbidden,
    #[error("there is no such product")]
    NoSuchProduct,
    #[error("there is no such category")]
    NoSuchCategory,
    #[error("there is no such order")]
    NoSuchOrder,

    #[error(transparent)]
    Failed(#[from] Failure),
    #[error(transparent)]
    Account(AccountFailure),
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<AdministrationFailure> for ApiError {
    fn from(failure: AdministrationFailure) -> Self {
        match failure {
            AdministrationFailure::Refused(refusal) => Self::Refused(refusal),
            AdministrationFailure::Failed(failure) => Self::Failed(failure),
        }
    }
}

impl From<AccountFailure> for ApiError {
    fn from(failure: AccountFailure) -> Self {
        match failure {
            AccountFailure::Failed(failure) => Self::Failed(failure),
            other => Self::Account(other),
        }
    }
}

impl From<LimitReached> for ApiError {
    fn from(reached: LimitReached) -> Self {
        Self::RateLimited(reached.retry_after)
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        Self::Failed(Failure::Rejected(rejection))
    }
}

/// That a request may be repeated later: an extension of the answer, for whoever counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    pub(super) code: &'static str,
}

/// Seconds after which another try may go better.
const SOON: u16 = 1;
/// Seconds after which an issuer that did not answer may be asked again.
const ISSUER_PAUSE: u16 = 2;
/// Seconds after which some of a user's idempotency keys have likely expired.
const LATER: u16 = 3_600;

impl ApiError {
    /// The status, the stable code, and the seconds to wait before another try.
    #[must_use]
    pub fn status(&self) -> (StatusCode, &'static str, Option<u16>) {
        use StatusCode as S;
        let (status, code) = match self {
            Self::UnknownRoute => (S::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed(_) => (S::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::InvalidRequest(_) | Self::IdMissing(_) | Self::BodyInterrupted => {
                (S::BAD_REQUEST, "invalid_request")
            }
            Self::UnsupportedMediaType => (S::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            Self::BodyTooLarge(_) => (S::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::RequestTimeout => (S::REQUEST_TIMEOUT, "request_timeout"),
            Self::RateLimited(seconds) => {
                return (S::TOO_MANY_REQUESTS, "rate_limited", Some(*seconds));
            }
            Self::Overloaded => return (S::SERVICE_UNAVAILABLE, "overloaded", Some(SOON)),
            Self::NotReady(_) => return (S::SERVICE_UNAVAILABLE, "not_ready", Some(SOON)),
            Self::Unauthenticated => (S::UNAUTHORIZED, "unauthenticated"),
            Self::NotYourOrder | Self::Forbidden => (S::FORBIDDEN, "forbidden"),
            Self::NoSuchProduct => (S::NOT_FOUND, "product_not_found"),
            Self::NoSuchCategory => (S::NOT_FOUND, "category_not_found"),
            Self::NoSuchOrder => (S::NOT_FOUND, "order_not_found"),
            Self::Failed(failure) => return of_failure(failure),
            Self::Account(failure) => return of_account(failure),
            Self::Refused(refusal) => of_refusal(refusal),
        };
        (status, code, None)
    }

    /// The answer.
    #[must_use]
    pub fn into_response(self) -> Response {
        let (status, code, retry_after) = self.status();
        let message = self.to_string();
        let body = Envelope {
            error: Described {
                code,
                message: &message,
            },
        };
        let mut response = json::response(status, &body);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
            response.extensions_mut().insert(Refused { code });
        }
        self.extra_headers(response.headers_mut());
        response
    }

    fn extra_headers(&self, headers: &mut HeaderMap) {
        if let Self::MethodNotAllowed(allow) = self
            && let Ok(allow) = HeaderValue::from_str(allow)
        {
            headers.insert(ALLOW, allow);
        }
        let unauthenticated = matches!(
            self,
            Self::Unauthenticated | Self::Failed(Failure::Rejected(Rejection::Unauthenticated))
        );
        if unauthenticated {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
    }
}

fn of_failure(failure: &Failure) -> (StatusCode, &'static str, Option<u16>) {
    use StatusCode as S;
    match failure {
        Failure::Rejected(rejection) => of_rejection(rejection),
        Failure::Busy => (S::TOO_MANY_REQUESTS, "too_many_requests", Some(SOON)),
        Failure::Unavailable => (S::SERVICE_UNAVAILABLE, "unavailable", Some(SOON)),
        Failure::Internal => (S::INTERNAL_SERVER_ERROR, "internal_error", None),
    }
}

fn of_account(failure: &AccountFailure) -> (StatusCode, &'static str, Option<u16>) {
    use StatusCode as S;
    match failure {
        AccountFailure::EmailTaken => (S::CONFLICT, "email_taken", None),
        AccountFailure::InvalidCredentials => (S::UNAUTHORIZED, "invalid_credentials", None),
        AccountFailure::InvalidRefreshToken => (S::UNAUTHORIZED, "invalid_refresh_token", None),
        AccountFailure::Busy => (S::SERVICE_UNAVAILABLE, "overloaded", Some(SOON)),
        AccountFailure::OpenId(failure) => of_openid(failure),
        AccountFailure::Failed(failure) => of_failure(failure),
    }
}

fn of_openid(failure: &OpenIdFailure) -> (StatusCode, &'static str, Option<u16>) {
    use StatusCode as S;
    let (status, code) = match failure {
        OpenIdFailure::NotConfigured => (S::NOT_IMPLEMENTED, "oauth_not_configured"),
        OpenIdFailure::StatePending => (S::BAD_REQUEST, "state_pending"),
        OpenIdFailure::UnknownState => (S::BAD_REQUEST, "unknown_state"),
        OpenIdFailure::Denied(_) => (S::BAD_REQUEST, "oauth_denied"),
        OpenIdFailure::Refused => (S::BAD_REQUEST, "oauth_refused"),
        OpenIdFailure::EmailNotVerified(_) => (S::BAD_REQUEST, "email_not_verified"),
        OpenIdFailure::Unreachable => {
            return (S::SERVICE_UNAVAILABLE, "unavailable", Some(ISSUER_PAUSE));
        }
    };
    (status, code, None)
}

fn of_refusal(refusal: &Refusal) -> (StatusCode, &'static str) {
    use StatusCode as S;
    match refusal {
        Refusal::InvalidName(_) | Refusal::DescriptionTooLong => {
            (S::BAD_REQUEST, "invalid_request")
        }
        Refusal::UnknownPermission => (S::BAD_REQUEST, "permission_not_found"),
        Refusal::TooManyRoles => (S::BAD_REQUEST, "too_many_roles"),
        Refusal::RoleNotFound => (S::NOT_FOUND, "role_not_found"),
        Refusal::PermissionNotFound => (S::NOT_FOUND, "permission_not_found"),
        Refusal::RoleNameTaken => (S::CONFLICT, "role_name_taken"),
        Refusal::PermissionNameTaken => (S::CONFLICT, "permission_name_taken"),
        Refusal::BuiltInRole | Refusal::BuiltInPermission | Refusal::AdminHoldsAll => {
            (S::FORBIDDEN, "built_in")
        }
        Refusal::NotHeld | Refusal::AdminOnly => (S::FORBIDDEN, "forbidden"),
        Refusal::LastAdministrator => (S::CONFLICT, "last_administrator"),
    }
}

fn of_rejection(rejection: &Rejection) -> (StatusCode, &'static str, Option<u16>) {
    use StatusCode as S;
    let (status, code) = match rejection {
        Rejection::Unauthenticated => (S::UNAUTHORIZED, "unauthenticated"),
        Rejection::UserNotFound => (S::NOT_FOUND, "user_not_found"),
        Rejection::AccountInactive => (S::FORBIDDEN, "account_inactive"),
        Rejection::InvalidRefreshToken => (S::UNAUTHORIZED, "invalid_refresh_token"),
        Rejection::AccountChanged => (S::CONFLICT, "account_changed"),
        Rejection::TooManyRoles => (S::BAD_REQUEST, "too_many_roles"),
        Rejection::InvalidQuantity => (S::BAD_REQUEST, "invalid_quantity"),
        Rejection::InvalidAttributes => (S::BAD_REQUEST, "invalid_attributes"),
        Rejection::ProductNotFound => (S::BAD_REQUEST, "product_not_found"),
        Rejection::VariantNotFound => (S::BAD_REQUEST, "variant_not_found"),
        Rejection::VariantRequired => (S::BAD_REQUEST, "variant_required"),
        Rejection::OutOfStock { .. } => (S::BAD_REQUEST, "out_of_stock"),
        Rejection::CartFull => (S::BAD_REQUEST, "cart_full"),
        Rejection::CartTooLarge => (S::BAD_REQUEST, "cart_too_large"),
        Rejection::ItemNotFound => (S::NOT_FOUND, "item_not_found"),
        Rejection::PreconditionFailed => (S::PRECONDITION_FAILED, "precondition_failed"),
        Rejection::KeyReused => (S::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
        Rejection::TooManyKeys => {
            return (
                S::TOO_MANY_REQUESTS,
                "too_many_idempotency_keys",
                Some(LATER),
            );
        }
        Rejection::CartEmpty => (S::BAD_REQUEST, "cart_empty"),
        Rejection::ProductUnavailable { .. } => (S::BAD_REQUEST, "product_unavailable"),
        Rejection::UnknownShippingMethod(_) => (S::BAD_REQUEST, "unknown_shipping_method"),
        Rejection::Promotion { .. } => (S::BAD_REQUEST, "invalid_promotion_code"),
        Rejection::PriceChanged(_) => (S::CONFLICT, "price_changed"),
        Rejection::TotalTooLarge => (S::BAD_REQUEST, "total_too_large"),
        Rejection::CartChanged => (S::CONFLICT, "cart_changed"),
    };
    (status, code, None)
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Described<'a>,
}

#[derive(Serialize)]
struct Described<'a> {
    code: &'static str,
    message: &'a str,
}

#[cfg(test)]
mod tests;
