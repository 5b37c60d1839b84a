//! What the driver's errors mean to a caller.

use crate::store::Error;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use std::fmt::Display;

/// What a failed write means: certain only where nothing was sent, or where the server refuses the
/// statement itself. "Not enough replicas" is not certain of a conditional write: it is also
/// answered after the replicas have agreed, when the commit is to be spread.
pub(super) fn write(error: &ExecutionError) -> Error {
    let certain = match error {
        ExecutionError::BadQuery(_)
        | ExecutionError::EmptyPlan
        | ExecutionError::PrepareError(_)
        | ExecutionError::ConnectionPoolError(_) => true,
        ExecutionError::LastAttemptError(attempt) => is_certain(attempt),
        _ => false,
    };
    if certain {
        Error::Unavailable(error.to_string())
    } else {
        Error::Unknown(error.to_string())
    }
}

fn is_certain(attempt: &RequestAttemptError) -> bool {
    match attempt {
        RequestAttemptError::SerializationError(_)
        | RequestAttemptError::CqlRequestSerialization(_)
        | RequestAttemptError::UnableToAllocStreamId => true,
        RequestAttemptError::DbError(error, _) => matches!(
            error,
            DbError::SyntaxError
                | DbError::Invalid
                | DbError::Unauthorized
                | DbError::AuthenticationError
                | DbError::ConfigError
        ),
        _ => false,
    }
}

/// What the failure of one of several writes means: also where it is certain of that one, the
/// others may have been done.
pub(super) fn of_several(error: Error) -> Error {
    match error {
        Error::Unavailable(cause) => Error::Unknown(cause),
        other => other,
    }
}

/// What a failed read means.
pub(super) fn read(error: impl Display) -> Error {
    Error::Unavailable(error.to_string())
}

/// What an answer means that does not have the form it must have.
pub(super) fn answer(error: impl Display) -> Error {
    Error::Corrupt(format!(
        "the server's answer is not what was asked for: {error}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scylla::errors::WriteType;
    use scylla::statement::Consistency;

    fn db(error: DbError) -> ExecutionError {
        let attempt = RequestAttemptError::DbError(error, "why".to_owned());
        ExecutionError::LastAttemptError(attempt)
    }

    fn timed_out(write_type: WriteType) -> DbError {
        DbError::WriteTimeout {
            consistency: Consistency::Quorum,
            received: 1,
            required: 2,
            write_type,
        }
    }

    #[test]
    fn what_may_have_been_applied_is_unknown() {
        let unavailable = DbError::Unavailable {
            consistency: Consistency::Quorum,
            required: 2,
            alive: 1,
        };
        for error in [
            db(timed_out(WriteType::Cas)),
            db(timed_out(WriteType::Simple)),
            db(timed_out(WriteType::UnloggedBatch)),
            db(unavailable),
            db(DbError::Overloaded),
            db(DbError::ServerError),
            db(DbError::IsBootstrapping),
            db(DbError::Other(0x1700)),
            ExecutionError::RequestTimeout(std::time::Duration::from_secs(3)),
            ExecutionError::LastAttemptError(RequestAttemptError::RepreparedIdMissingInBatch),
        ] {
            assert!(matches!(write(&error), Error::Unknown(_)), "{error}");
        }
    }

    #[test]
    fn what_was_never_begun_is_certain() {
        for error in [
            db(DbError::SyntaxError),
            db(DbError::Invalid),
            db(DbError::Unauthorized),
            ExecutionError::EmptyPlan,
            ExecutionError::LastAttemptError(RequestAttemptError::UnableToAllocStreamId),
        ] {
            assert!(matches!(write(&error), Error::Unavailable(_)), "{error}");
        }
    }
}
