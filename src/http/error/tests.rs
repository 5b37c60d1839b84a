//! Every refusal and failure, as it is sent.

use super::*;
use crate::domain::identity::EmailNotVerified;
use crate::domain::ids::{PromotionCode, ShippingMethodId};
use crate::domain::money::{Currency, Money};
use crate::http::measured::REFUSALS;
use http_body_util::BodyExt;

fn rejections() -> Vec<Rejection> {
    use Rejection as R;
    vec![
        R::Unauthenticated,
        R::UserNotFound,
        R::AccountInactive,
        R::InvalidRefreshToken,
        R::AccountChanged,
        R::TooManyRoles,
        R::InvalidQuantity,
        R::InvalidAttributes,
        R::ProductNotFound,
        R::VariantNotFound,
        R::VariantRequired,
        R::OutOfStock {
            sku: "LAPTOP-001".into(),
            available: 3,
        },
        R::CartFull,
        R::CartTooLarge,
        R::ItemNotFound,
        R::PreconditionFailed,
        R::KeyReused,
        R::TooManyKeys,
        R::CartEmpty,
        R::ProductUnavailable {
            name: "Laptop".into(),
        },
        R::UnknownShippingMethod(ShippingMethodId::parse("ship_x").unwrap()),
        R::Promotion {
            code: PromotionCode::parse("save10").unwrap(),
            problem: "has ended".into(),
        },
        R::PriceChanged(Money::new(108_749, Currency::USD).unwrap()),
        R::TotalTooLarge,
        R::CartChanged,
    ]
}

fn refusals() -> Vec<Refusal> {
    use Refusal as R;
    vec![
        R::InvalidName("name"),
        R::DescriptionTooLong,
        R::UnknownPermission,
        R::TooManyRoles,
        R::RoleNotFound,
        R::PermissionNotFound,
        R::RoleNameTaken,
        R::PermissionNameTaken,
        R::BuiltInRole,
        R::BuiltInPermission,
        R::AdminHoldsAll,
        R::NotHeld,
        R::AdminOnly,
        R::LastAdministrator,
    ]
}

fn errors() -> Vec<ApiError> {
    let own = vec![
        ApiError::UnknownRoute,
        ApiError::MethodNotAllowed("GET, HEAD".into()),
        ApiError::InvalidRequest("quantity must be a whole number".into()),
        ApiError::IdMissing("Item ID is required"),
        ApiError::UnsupportedMediaType,
        ApiError::BodyTooLarge(65_536),
        ApiError::RequestTimeout,
        ApiError::BodyInterrupted,
        ApiError::RateLimited(3),
        ApiError::Overloaded,
        ApiError::NotReady("draining"),
        ApiError::Unauthenticated,
        ApiError::NotYourOrder,
        ApiError::NoSuchProduct,
        ApiError::NoSuchCategory,
        ApiError::NoSuchOrder,
        ApiError::Forbidden,
    ];
    let failures = [Failure::Busy, Failure::Unavailable, Failure::Internal];
    let accounts = [
        AccountFailure::EmailTaken,
        AccountFailure::InvalidCredentials,
        AccountFailure::InvalidRefreshToken,
        AccountFailure::Busy,
        OpenIdFailure::NotConfigured.into(),
        OpenIdFailure::StatePending.into(),
        OpenIdFailure::UnknownState.into(),
        OpenIdFailure::Denied("access_denied".into()).into(),
        OpenIdFailure::Refused.into(),
        OpenIdFailure::EmailNotVerified(EmailNotVerified).into(),
        OpenIdFailure::Unreachable.into(),
        AccountFailure::Failed(Failure::Unavailable),
    ];
    own.into_iter()
        .chain(rejections().into_iter().map(ApiError::from))
        .chain(failures.map(ApiError::from))
        .chain(accounts.map(ApiError::from))
        .chain(refusals().into_iter().map(ApiError::from))
        .collect()
}

async fn shown(error: ApiError) -> String {
    let response = error.into_response();
    let mut text = response.status().as_u16().to_string();
    for name in [ALLOW, RETRY_AFTER, WWW_AUTHENTICATE] {
        if let Some(value) = response.headers().get(&name) {
            text.push_str(&format!(" {name}={}", value.to_str().unwrap()));
        }
    }
    let body = response.into_body().collect().await.unwrap().to_bytes();
    format!("{text} {}\n", str::from_utf8(&body).unwrap())
}

#[tokio::test]
async fn every_refusal_has_its_status_code_and_message() {
    let mut all = String::new();
    for error in errors() {
        all.push_str(&shown(error).await);
    }
    insta::assert_snapshot!(all, @r#"
    404 {"error":{"code":"not_found","message":"there is nothing at this path"}}
    405 allow=GET, HEAD {"error":{"code":"method_not_allowed","message":"this path takes only GET, HEAD"}}
    400 {"error":{"code":"invalid_request","message":"quantity must be a whole number"}}
    400 {"error":{"code":"invalid_request","message":"Item ID is required"}}
    415 {"error":{"code":"unsupported_media_type","message":"Content-Type must be application/json"}}
    413 {"error":{"code":"body_too_large","message":"the body must be at most 65536 bytes"}}
    408 {"error":{"code":"request_timeout","message":"the body did not arrive in time"}}
    400 {"error":{"code":"invalid_request","message":"the body did not arrive whole"}}
    429 retry-after=3 {"error":{"code":"rate_limited","message":"too many requests, try again in 3 s"}}
    503 retry-after=1 {"error":{"code":"overloaded","message":"too many requests are being served, try again later"}}
    503 retry-after=1 {"error":{"code":"not_ready","message":"not ready: draining"}}
    401 www-authenticate=Bearer {"error":{"code":"unauthenticated","message":"a valid access token is required"}}
    403 {"error":{"code":"forbidden","message":"you don't have permission to view this order"}}
    404 {"error":{"code":"product_not_found","message":"there is no such product"}}
    404 {"error":{"code":"category_not_found","message":"there is no such category"}}
    404 {"error":{"code":"order_not_found","message":"there is no such order"}}
    403 {"error":{"code":"forbidden","message":"you don't have a role that may do this"}}
    401 www-authenticate=Bearer {"error":{"code":"unauthenticated","message":"the access token is no longer valid"}}
    404 {"error":{"code":"user_not_found","message":"there is no such user"}}
    403 {"error":{"code":"account_inactive","message":"the account is inactive"}}
    401 {"error":{"code":"invalid_refresh_token","message":"refresh_token is not valid"}}
    409 {"error":{"code":"account_changed","message":"the account was changed meanwhile"}}
    400 {"error":{"code":"too_many_roles","message":"a user can have at most 32 roles"}}
    400 {"error":{"code":"invalid_quantity","message":"quantity must be a whole number from 1 to 999"}}
    400 {"error":{"code":"invalid_attributes","message":"attributes must be at most 20, with names of 1 to 64 bytes and values of at most 256 bytes"}}
    400 {"error":{"code":"product_not_found","message":"product_id names no product that is sold"}}
    400 {"error":{"code":"variant_not_found","message":"variant_id names no variant of the product"}}
    400 {"error":{"code":"variant_required","message":"variant_id is required: the product has variants"}}
    400 {"error":{"code":"out_of_stock","message":"only 3 of LAPTOP-001 available"}}
    400 {"error":{"code":"cart_full","message":"the cart has 100 lines, which is the most that it can have"}}
    400 {"error":{"code":"cart_too_large","message":"the cart would be larger than 32768 bytes"}}
    404 {"error":{"code":"item_not_found","message":"the cart has no such item"}}
    412 {"error":{"code":"precondition_failed","message":"the cart has changed: If-Match does not name its current ETag"}}
    422 {"error":{"code":"idempotency_key_reused","message":"the Idempotency-Key was used for another request"}}
    429 retry-after=3600 {"error":{"code":"too_many_idempotency_keys","message":"more than 1000 idempotency keys in 24 hours"}}
    400 {"error":{"code":"cart_empty","message":"the cart is empty"}}
    400 {"error":{"code":"product_unavailable","message":"Laptop is no longer sold: remove it from the cart"}}
    400 {"error":{"code":"unknown_shipping_method","message":"shipping_method_id ship_x is not a shipping method of this shop"}}
    400 {"error":{"code":"invalid_promotion_code","message":"promotion_codes: SAVE10 has ended"}}
    409 {"error":{"code":"price_changed","message":"expected_total is not what the order comes to: the total is now 1087.49 USD"}}
    400 {"error":{"code":"total_too_large","message":"the order's total is too large"}}
    409 {"error":{"code":"cart_changed","message":"the cart changed while the order was being placed"}}
    429 retry-after=1 {"error":{"code":"too_many_requests","message":"too many requests of this user are waiting"}}
    503 retry-after=1 {"error":{"code":"unavailable","message":"the service cannot answer now"}}
    500 {"error":{"code":"internal_error","message":"an internal error"}}
    409 {"error":{"code":"email_taken","message":"email is taken already"}}
    401 {"error":{"code":"invalid_credentials","message":"the e-mail address or the password is wrong"}}
    401 {"error":{"code":"invalid_refresh_token","message":"refresh_token is not valid"}}
    503 retry-after=1 {"error":{"code":"overloaded","message":"too many logins at once"}}
    501 {"error":{"code":"oauth_not_configured","message":"login with Google is not configured"}}
    400 {"error":{"code":"state_pending","message":"state belongs to a login that is pending: choose another"}}
    400 {"error":{"code":"unknown_state","message":"state belongs to no pending login: begin anew"}}
    400 {"error":{"code":"oauth_denied","message":"the login was not granted: access_denied"}}
    400 {"error":{"code":"oauth_refused","message":"code was not accepted: begin anew"}}
    400 {"error":{"code":"email_not_verified","message":"the issuer names no e-mail address that it has verified"}}
    503 retry-after=2 {"error":{"code":"unavailable","message":"the issuer cannot be reached now, begin anew later"}}
    503 retry-after=1 {"error":{"code":"unavailable","message":"the service cannot answer now"}}
    400 {"error":{"code":"invalid_request","message":"name must be 2 to 64 characters: a small letter, then small letters, digits or underscores"}}
    400 {"error":{"code":"invalid_request","message":"description must be at most 500 characters"}}
    400 {"error":{"code":"permission_not_found","message":"permission_id names no permission"}}
    400 {"error":{"code":"too_many_roles","message":"there are as many roles and permissions as there can be: delete some"}}
    404 {"error":{"code":"role_not_found","message":"there is no such role"}}
    404 {"error":{"code":"permission_not_found","message":"there is no such permission"}}
    409 {"error":{"code":"role_name_taken","message":"name is the name of another role"}}
    409 {"error":{"code":"permission_name_taken","message":"name is the name of another permission"}}
    403 {"error":{"code":"built_in","message":"a built-in role keeps its name and cannot be deleted"}}
    403 {"error":{"code":"built_in","message":"a built-in permission keeps its name, resource and action and cannot be deleted"}}
    403 {"error":{"code":"built_in","message":"admin holds every permission: none can be revoked from it"}}
    403 {"error":{"code":"forbidden","message":"you don't hold every permission that this would give, take or change"}}
    403 {"error":{"code":"forbidden","message":"only an admin may do this"}}
    409 {"error":{"code":"last_administrator","message":"the last active administrator must stay one"}}
    "#);
}

#[test]
fn whoever_is_told_to_come_again_is_counted() {
    let mut codes = std::collections::BTreeSet::new();
    for error in errors() {
        let (status, code, retry_after) = error.status();
        let response = error.into_response();
        let counted = response.extensions().get::<Refused>();
        assert_eq!(
            counted.map(|refused| refused.code),
            retry_after.map(|_| code)
        );
        assert_eq!(retry_after.is_some(), matches!(status.as_u16(), 429 | 503));
        codes.extend(retry_after.map(|_| code));
    }
    assert_eq!(codes, REFUSALS.into_iter().collect());
}
