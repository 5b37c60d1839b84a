//! Who asks: the access token, where an endpoint needs one, and the roles, where it needs them.
//!
//! Whether the token's epoch still counts is for the user's actor to say. So are the roles: those
//! in the token are of when it was issued.

use super::Call;
use crate::actors::Failure;
use crate::domain::access::{is_staff, permission_id};
use crate::domain::user::{Command, Rejection, Request};
use crate::http::endpoints::Access;
use crate::http::error::ApiError;
use crate::http::limiter::Class;
use warp::http::HeaderMap;
use warp::http::header::AUTHORIZATION;

/// Verifies the access token of a call that needs one, and counts the call of its user; one
/// without a valid token is its address's, so that forging tokens gets nobody around the limits.
pub(super) fn authenticate(mut call: Call) -> Result<Call, ApiError> {
    match call.endpoint.access {
        Access::Public => Ok(call),
        Access::AnyUser | Access::OwnerOrStaff | Access::Staff | Access::Permission(_) => {
            let limiter = &call.api.limiter;
            let token = bearer(call.headers());
            let Some(claims) = token.and_then(|token| call.api.tokens.verify(token).ok()) else {
                limiter.count_address(Class::Anonymous, call.arrival.client)?;
                return Err(ApiError::Unauthenticated);
            };
            limiter.count_user(claims.user)?;
            // Nobody else sets it.
            let _ = call.arrival.user.set(claims.user);
            call.claims = Some(claims);
            Ok(call)
        }
    }
}

/// Asks the actor of whoever makes the call for the account, where roles decide, and the roles for
/// what they stand for.
pub(super) async fn authorize(mut call: Call) -> Result<Call, ApiError> {
    let needed = match call.endpoint.access {
        Access::Public | Access::AnyUser | Access::OwnerOrStaff => return Ok(call),
        Access::Staff => None,
        Access::Permission(name) => Some(permission_id(name)),
    };
    let claims = call.claims()?;
    let request = Request::of(Command::ViewAccount, claims.epoch);
    let asked = call.api.users.ask(claims.user, request, call.deadline);
    let account = match asked.await {
        Err(Failure::Rejected(Rejection::UserNotFound)) => return Err(ApiError::Unauthenticated),
        reply => reply?.into_account()?,
    };
    let book = call.api.administration.roles().current()?;
    let is_allowed = match needed {
        None => is_staff(&book.names(&account.roles)),
        Some(permission) => book.holds(&account.roles, permission),
    };
    if !is_allowed {
        return Err(ApiError::Forbidden);
    }
    call.account = Some(account);
    Ok(call)
}

/// The one `Authorization: Bearer` token of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (one, None) = (given.next()?, given.next()) else {
        return None;
    };
    let (scheme, token) = one.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use warp::http::HeaderValue;

    #[test]
    fn a_bearer_token_is_taken_from_exactly_one_header() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(of(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(of(&["bearer  abc "]).as_deref(), Some("abc"));
        for none in [&[][..], &["abc"], &["Basic abc"], &["Bearer"], &["Bearer "]] {
            assert_eq!(of(none), None, "{none:?}");
        }
        assert_eq!(of(&["Bearer a", "Bearer b"]), None);
    }
}
