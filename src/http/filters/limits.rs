//! What a request may take: bytes and time for its body, and a place among those in flight.

use super::Call;
use crate::http::endpoints::Endpoint;
use crate::http::error::ApiError;
use crate::http::{Api, MAX_BODY};
use bytes::{Buf, Bytes, BytesMut};
use futures::{Stream, StreamExt};
use std::pin::pin;
use tokio::time::{Instant, timeout};
use warp::http::HeaderMap;
use warp::http::header::{CONTENT_LENGTH, CONTENT_TYPE};

/// Of a body that is too large so much is read and thrown away, in bytes: a client that is still
/// sending reads no answer, and loses it when the connection is closed.
const MAX_DISCARDED: usize = 1024 * 1024;

/// Reads the body, then takes a place among the requests in flight: a slow client holds none.
pub(super) async fn admit(
    mut call: Call,
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
) -> Result<Call, ApiError> {
    if call.endpoint.has_body {
        let read = timeout(call.api.limits.body_timeout, read(call.headers(), body)).await;
        call.body = read.map_err(|_| ApiError::RequestTimeout)??;
        call.deadline = Instant::now() + call.api.limits.request_timeout;
    }
    if !call.body.is_empty() && !is_json(call.headers()) {
        return Err(ApiError::UnsupportedMediaType);
    }
    if call.endpoint.admitted {
        let permit = call.api.in_flight().try_acquire_owned();
        call.permit = Some(permit.map_err(|_| ApiError::Overloaded)?);
    }
    Ok(call)
}

/// Throws a body away, so that the answer is read, unless it is large or late.
pub(super) async fn discard(
    api: &Api,
    endpoint: &Endpoint,
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
) {
    if !endpoint.has_body {
        return;
    }
    let all = async {
        let mut body = pin!(body);
        let mut received = 0;
        while let Some(Ok(chunk)) = body.next().await {
            received += chunk.remaining();
            if received > MAX_BODY {
                break;
            }
        }
    };
    // The answer is another's to give, in time or not.
    let _ = timeout(api.limits.body_timeout, all).await;
}

async fn read(
    headers: &HeaderMap,
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
) -> Result<Bytes, ApiError> {
    let declared = headers.get(CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let declared = usize::try_from(declared.unwrap_or(0)).unwrap_or(usize::MAX);
    if declared > MAX_DISCARDED {
        return Err(ApiError::BodyTooLarge(MAX_BODY));
    }
    let mut body = pin!(body);
    let mut kept = BytesMut::new();
    let mut received = 0;
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk.map_err(|_| ApiError::BodyInterrupted)?;
        received += chunk.remaining();
        if received > MAX_DISCARDED {
            break;
        }
        if received > MAX_BODY {
            continue;
        }
        let bytes = chunk.copy_to_bytes(chunk.remaining());
        if received == declared && kept.is_empty() {
            // All of it in one piece needs no copy.
            return Ok(bytes);
        }
        kept.extend_from_slice(&bytes);
    }
    if received > MAX_BODY {
        Err(ApiError::BodyTooLarge(MAX_BODY))
    } else {
        Ok(kept.freeze())
    }
}

/// Whether a body is said to be JSON; where nothing is said, it is taken to be.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(media_type) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let text = media_type.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use warp::http::HeaderValue;

    async fn body(chunks: &[usize], declared: Option<usize>) -> Result<usize, String> {
        let mut headers = HeaderMap::new();
        if let Some(declared) = declared {
            headers.insert(CONTENT_LENGTH, declared.into());
        }
        let chunks = chunks.iter().map(|size| Ok(Bytes::from(vec![b'x'; *size])));
        let read = read(&headers, stream::iter(chunks)).await;
        read.map(|body| body.len())
            .map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_the_cap_however_it_comes() {
        assert_eq!(body(&[], None).await, Ok(0));
        assert_eq!(body(&[MAX_BODY], Some(MAX_BODY)).await, Ok(MAX_BODY));
        assert_eq!(body(&[MAX_BODY - 1, 1], None).await, Ok(MAX_BODY));
        let too_large = Err("the body must be at most 65536 bytes".to_owned());
        assert_eq!(body(&[MAX_BODY, 1], None).await, too_large);
        assert_eq!(body(&[MAX_BODY + 1], Some(MAX_BODY + 1)).await, too_large);
        assert_eq!(body(&[], Some(MAX_DISCARDED + 1)).await, too_large);
        assert_eq!(body(&[MAX_BODY; 99], None).await, too_large);
    }

    #[test]
    fn json_is_taken_by_its_media_type() {
        let of = |text| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(text));
            is_json(&headers)
        };
        assert!(is_json(&HeaderMap::new()));
        assert!(of("application/json") && of("Application/JSON ; charset=utf-8"));
        assert!(!of("text/plain") && !of("") && !of("application/jsonx"));
    }
}
