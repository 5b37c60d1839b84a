//! Calls and answers as messages.

use super::MAX_MESSAGE;
use super::proto::calls_response::Outcome;
use super::proto::{self, Ask, CallsResponse, Undone};
use crate::cluster::transport::{Answer, Call, Kind, Unanswered};
use crate::telemetry::traces::TraceParent;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a call is handled at most, whatever its caller says.
const MAX_TIME: Duration = Duration::from_secs(60);
/// The longest request id, in bytes.
const MAX_REQUEST_ID: usize = 128;

/// What is sent to have a call handled.
pub(super) fn ask(call: Call) -> Ask {
    let left = call.deadline.saturating_duration_since(Instant::now());
    Ask {
        kind: proto::Kind::from(call.kind).into(),
        key: call.key,
        request: call.request,
        view: call.view,
        time_us: u64::try_from(left.as_micros()).unwrap_or(u64::MAX),
        request_id: call.request_id.as_deref().unwrap_or_default().to_owned(),
        traceparent: call
            .traceparent
            .map(|parent| parent.to_string())
            .unwrap_or_default(),
    }
}

/// The call that was sent; `None` for one of another version.
pub(super) fn call(ask: Ask) -> Option<Call> {
    let kind = proto::Kind::try_from(ask.kind).ok()?;
    Some(Call {
        kind: Kind::try_from(kind).ok()?,
        key: ask.key,
        request: ask.request,
        request_id: request_id(&ask.request_id),
        // Other nodes are believed that it is traced.
        traceparent: TraceParent::parse(&ask.traceparent),
        view: ask.view,
        deadline: Instant::now() + Duration::from_micros(ask.time_us).min(MAX_TIME),
    })
}

/// The id of the client's request, if it is fit to be logged.
fn request_id(id: &str) -> Option<Arc<str>> {
    let is_visible = |byte: u8| byte.is_ascii_graphic();
    let fits = (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(is_visible);
    fits.then(|| id.into())
}

/// What is sent when a call was handled.
pub(super) fn response(call: u64, handled: Result<Answer, Unanswered>) -> CallsResponse {
    let outcome = match handled {
        // It would break the stream for all who share it.
        Ok(Answer::Given(bytes)) if bytes.len() > MAX_MESSAGE => {
            tracing::error!(bytes = bytes.len(), "cluster.answer.too_large");
            None
        }
        Ok(Answer::Given(bytes)) => Some(Outcome::Given(bytes)),
        Ok(Answer::Elsewhere { view }) => Some(Outcome::Elsewhere(view)),
        Ok(Answer::Unreadable) => Some(undone(Undone::Unreadable)),
        Err(Unanswered::NotSent) => Some(undone(Undone::Unplaced)),
        Err(Unanswered::Refused) => Some(undone(Undone::Refused)),
        Err(Unanswered::Unknown) => None,
    };
    CallsResponse { call, outcome }
}

fn undone(reason: Undone) -> Outcome {
    Outcome::Undone(reason.into())
}

/// What the response says.
///
/// # Errors
/// [`Unanswered`].
pub(super) fn answer(response: CallsResponse) -> Result<Answer, Unanswered> {
    match response.outcome {
        Some(Outcome::Given(bytes)) => Ok(Answer::Given(bytes)),
        Some(Outcome::Elsewhere(view)) => Ok(Answer::Elsewhere { view }),
        Some(Outcome::Undone(reason)) => match Undone::try_from(reason) {
            Ok(Undone::Unreadable) => Ok(Answer::Unreadable),
            Ok(Undone::Unplaced) => Err(Unanswered::NotSent),
            // A reason of a later version is one nevertheless.
            Ok(Undone::Refused | Undone::Unspecified) | Err(_) => Err(Unanswered::Refused),
        },
        // Not known, or an outcome of a later version.
        None => Err(Unanswered::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_cannot_be_logged_is_dropped() {
        assert_eq!(request_id("r-1").as_deref(), Some("r-1"));
        for id in ["", "a b", "a\nb", &"x".repeat(129)] {
            assert_eq!(request_id(id), None, "{id}");
        }
    }

    #[test]
    fn no_call_is_handled_for_longer_than_a_minute() {
        for (time_us, secs) in [(0, 0), (2_000_000, 2), (90_000_000, 60), (u64::MAX, 60)] {
            let asked = call(Ask {
                kind: proto::Kind::User.into(),
                time_us,
                ..Ask::default()
            });
            let left = asked
                .unwrap()
                .deadline
                .saturating_duration_since(Instant::now());
            assert!(left <= Duration::from_secs(secs), "{left:?}");
            assert!(
                left + Duration::from_secs(1) > Duration::from_secs(secs),
                "{left:?}"
            );
        }
    }

    #[test]
    fn a_kind_of_another_version_is_not_taken_for_one_of_this() {
        for kind in [0, 3, -1] {
            let ask = Ask {
                kind,
                ..Ask::default()
            };
            assert!(call(ask).is_none(), "{kind}");
        }
    }

    #[test]
    fn what_is_too_large_to_be_sent_is_not_known() {
        let large = Ok(Answer::Given(vec![0; MAX_MESSAGE + 1]));
        assert_eq!(answer(response(1, large)), Err(Unanswered::Unknown));
        let largest = Ok(Answer::Given(vec![0; MAX_MESSAGE]));
        assert_eq!(answer(response(1, largest.clone())), largest);
    }
}
