//! Why a contact point cannot be used, told in one line, and whether waiting may mend it. No user
//! and no password is told.

use super::options::Options;
use rustls::{AlertDescription, CertificateError, Error as TlsError};
use scylla::errors::{
    BrokenConnectionError, BrokenConnectionErrorKind, ConnectionError, ConnectionPoolError,
    ConnectionSetupRequestErrorKind as Setup, DbError, FrameHeaderParseError, MetadataError,
    NewSessionError,
};
use std::fmt::{self, Display};
use std::io;

/// Why a contact point cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It may be another time.
    Passing(String),
    /// It takes other settings, of ours or of the server's.
    Lasting(String),
}

impl Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Passing(text) | Self::Lasting(text)) = self;
        f.write_str(text)
    }
}

/// What the failure of an attempt to connect means.
pub(super) fn cause(error: &NewSessionError, options: &Options) -> Cause {
    let NewSessionError::MetadataError(MetadataError::ConnectionPoolError(
        ConnectionPoolError::Broken {
            last_connection_error: error,
        },
    )) = error
    else {
        return passing(error);
    };
    match error {
        ConnectionError::IoError(io) => of_tls(io).unwrap_or_else(|| passing(error)),
        ConnectionError::BrokenConnection(broken) => of_broken(broken, options),
        ConnectionError::ConnectionSetupRequestError(setup) => match setup.get_error() {
            Setup::BrokenConnection(broken) => of_broken(broken, options),
            Setup::MissingAuthentication => lasting("it demands a user and a password"),
            Setup::DbError(DbError::AuthenticationError, message) => of_password(message),
            other => passing(other),
        },
        other => passing(other),
    }
}

fn passing(error: impl Display) -> Cause {
    // Some of the driver's messages have several lines.
    let text = error.to_string();
    Cause::Passing(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn lasting(text: impl Into<String>) -> Cause {
    Cause::Lasting(text.into())
}

/// Servers answer with one code whether a password is wrong or cannot be looked up just now; only
/// the first message says "incorrect", on ScyllaDB and on Cassandra.
fn of_password(message: &str) -> Cause {
    if message.contains("incorrect") {
        lasting("the user or the password is wrong")
    } else {
        Cause::Passing("it cannot check user and password".to_owned())
    }
}

/// A server that wants TLS, or a certificate, ends the connection; sometimes it gets round to
/// saying why.
fn of_broken(broken: &BrokenConnectionError, options: &Options) -> Cause {
    let kind = broken.downcast_ref::<BrokenConnectionErrorKind>();
    if let Some(BrokenConnectionErrorKind::FrameHeaderParseError(
        FrameHeaderParseError::HeaderIoError(io),
    )) = kind
        && let Some(told) = of_tls(io)
    {
        return told;
    }
    match &options.tls {
        None => passing("it ended the connection; perhaps it demands TLS"),
        Some(tls) if tls.identity.is_none() => {
            passing("it ended the connection; perhaps it demands a certificate of ours")
        }
        Some(_) => passing("it ended the connection"),
    }
}

fn of_tls(error: &io::Error) -> Option<Cause> {
    let error = error.get_ref()?.downcast_ref::<TlsError>()?;
    Some(match error {
        TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => {
            lasting("its certificate does not descend from those of the CA's file")
        }
        TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => lasting("its certificate does not name its IP address"),
        TlsError::InvalidCertificate(other) => {
            lasting(format!("its certificate cannot be accepted: {other}"))
        }
        TlsError::InvalidMessage(_) => lasting("it does not speak TLS"),
        TlsError::AlertReceived(AlertDescription::CertificateRequired) => {
            lasting("it demands a certificate of ours")
        }
        TlsError::AlertReceived(
            alert @ (AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied),
        ) => lasting(format!("it does not accept our certificate: {alert:?}")),
        other => passing(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(error: TlsError) -> Option<Cause> {
        of_tls(&io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn a_wrong_password_lasts_and_one_that_cannot_be_looked_up_does_not() {
        for message in [
            "Provided username ann and/or password are incorrect",
            "Username and/or password are incorrect",
        ] {
            let told = of_password(message);
            assert_eq!(told, lasting("the user or the password is wrong"));
        }
        let told = of_password("Unable to perform authentication: Cannot achieve consistency");
        assert!(matches!(told, Cause::Passing(_)), "{told:?}");
    }

    #[test]
    fn what_is_wrong_with_a_certificate_lasts_and_a_fault_of_the_server_does_not() {
        for (error, expected) in [
            (
                TlsError::InvalidCertificate(CertificateError::NotValidForName),
                "its certificate does not name its IP address",
            ),
            (
                TlsError::InvalidCertificate(CertificateError::Expired),
                "its certificate cannot be accepted: Expired",
            ),
            (
                TlsError::AlertReceived(AlertDescription::UnknownCA),
                "it does not accept our certificate: UnknownCA",
            ),
        ] {
            let told = tls(error);
            assert!(
                matches!(&told, Some(Cause::Lasting(text)) if text.starts_with(expected)),
                "{told:?}"
            );
        }
        let told = tls(TlsError::AlertReceived(AlertDescription::InternalError));
        assert!(matches!(told, Some(Cause::Passing(_))), "{told:?}");
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(of_tls(&reset), None);
    }

    #[test]
    fn a_message_of_several_lines_becomes_one() {
        assert_eq!(passing("a\n   b."), Cause::Passing("a b.".to_owned()));
    }
}
