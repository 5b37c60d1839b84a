//! Reaching the servers, and noticing when they do not answer.

use super::options::{Options, Tls};
use super::profiles::Profiles;
use super::refusal::{Cause, cause};
use super::schema::SchemaError;
use super::statements::Statements;
use futures::future::join_all;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{NewSessionError, PrepareError};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;
use uuid::Uuid;

const CONNECT_TIME: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often, and for how long, the servers are asked whether they answer.
const PING_PAUSE: Duration = Duration::from_secs(1);
const PING_TIME: Duration = Duration::from_secs(2);

/// Why a keyspace cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody can be used at present.
    #[error("no server can be used: {0}")]
    Unreachable(String),
    /// Nobody can be used, and one of them not before the settings are others.
    #[error("no server can be used: {0}")]
    Refused(String),
    /// The datacentre has no server.
    #[error("the datacentre {name} does not exist: there is {existing}")]
    NoDatacenter {
        /// The datacentre.
        name: String,
        /// Those that exist.
        existing: String,
    },
    /// A file for TLS cannot be used.
    #[error("{file}: {cause}")]
    Tls {
        /// The file.
        file: String,
        /// Why not.
        cause: String,
    },
    /// The keyspace is not one for this program.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A statement was refused.
    #[error("a statement cannot be prepared: {0}")]
    Prepare(#[from] Box<PrepareError>),
}

impl ConnectError {
    /// Whether waiting may mend it.
    fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Prepare(_) => true,
            Self::Schema(error) => matches!(error, SchemaError::Unread(_)),
            Self::Refused(_) | Self::NoDatacenter { .. } | Self::Tls { .. } => false,
        }
    }
}

/// A session, and how its statements are executed.
pub(super) struct Connection {
    pub(super) session: Session,
    pub(super) profiles: Profiles,
}

/// Connects, once, to no keyspace in particular.
pub(super) async fn connect(options: &Options) -> Result<Connection, ConnectError> {
    let profiles = Profiles::new(options);
    let mut builder = SessionBuilder::new()
        .connection_timeout(CONNECT_TIME)
        .keyspaces_to_fetch([&options.keyspace])
        .default_execution_profile_handle(profiles.ordinary.clone());
    if let Some((user, password)) = &options.credentials {
        builder = builder.user(user, password);
    }
    if let Some(tls) = &options.tls {
        builder = builder.tls_context(Some(Arc::new(encryption(tls)?)));
    }
    let all = builder.clone().known_nodes(&options.contacts);
    let session = match Box::pin(all.build()).await {
        Ok(session) => session,
        Err(error) => return Err(why_not(&builder, options, error).await),
    };
    check_datacenter(&session, options)?;
    Ok(Connection { session, profiles })
}

/// The driver tells why one contact point failed, any of them: each is asked alone, as what one
/// refuses for good is not to be hidden by another that is away.
async fn why_not(
    builder: &SessionBuilder,
    options: &Options,
    error: NewSessionError,
) -> ConnectError {
    let contacts = &options.contacts;
    let failures = if contacts.len() == 1 {
        vec![Some(error)]
    } else {
        let attempts = contacts.iter().map(|contact| {
            let attempt = builder.clone().known_node(contact);
            // What the driver logs of it, it has logged before.
            let attempt = async move { attempt.build().await.err() };
            Box::pin(attempt.with_subscriber(NoSubscriber::default()))
        });
        join_all(attempts).await
    };
    let causes = failures.iter().map(|failure| match failure {
        Some(error) => cause(error, options),
        None => Cause::Passing("it can be used by now".to_owned()),
    });
    let causes: Vec<_> = causes.collect();
    let is_lasting = causes
        .iter()
        .any(|cause| matches!(cause, Cause::Lasting(_)));
    let told = contacts.iter().zip(&causes);
    let told = told.map(|(contact, cause)| format!("{contact}: {cause}"));
    let told = told.collect::<Vec<_>>().join("; ");
    if is_lasting && failures.iter().all(Option::is_some) {
        ConnectError::Refused(told)
    } else {
        ConnectError::Unreachable(told)
    }
}

/// The driver would go on without a server of the datacentre, or have nobody to ask.
fn check_datacenter(session: &Session, options: &Options) -> Result<(), ConnectError> {
    let Some(name) = &options.datacenter else {
        return Ok(());
    };
    let state = session.get_cluster_state();
    let nodes = state.get_nodes_info().iter();
    let existing: BTreeSet<_> = nodes
        .filter_map(|node| node.datacenter.as_deref())
        .collect();
    // Nothing is known of any where the driver could not read who there is.
    if existing.is_empty() || existing.contains(name.as_str()) {
        return Ok(());
    }
    Err(ConnectError::NoDatacenter {
        name: name.clone(),
        existing: existing.into_iter().collect::<Vec<_>>().join(", "),
    })
}

fn encryption(tls: &Tls) -> Result<ClientConfig, ConnectError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&tls.ca)? {
        let added = roots.add(certificate);
        added.map_err(|error| refused(&tls.ca, error))?;
    }
    let config = ClientConfig::builder().with_root_certificates(roots);
    let Some((certificate, key)) = &tls.identity else {
        return Ok(config.with_no_client_auth());
    };
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| refused(key, error))?;
    let config = config.with_client_auth_cert(chain, private);
    config.map_err(|error| refused(certificate, error))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).and_then(|certificates| certificates.collect());
    match found {
        Ok(found) if found.is_empty() => Err(refused(file, "it holds no certificate in PEM")),
        found => found.map_err(|error| refused(file, error)),
    }
}

fn refused(file: &Path, cause: impl std::fmt::Display) -> ConnectError {
    ConnectError::Tls {
        file: file.display().to_string(),
        cause: cause.to_string(),
    }
}

/// Tries until it goes well, or until waiting does not help.
pub(super) async fn patiently<T, F>(connect: impl Fn() -> F) -> Result<T, ConnectError>
where
    F: Future<Output = Result<T, ConnectError>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        match connect().await {
            Err(error) if error.is_passing() => {
                let retry_ms = pause.as_millis();
                tracing::warn!(%error, retry_ms, "store.connect.failed");
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            done => return done,
        }
    }
}

/// Asks again and again whether the servers answer, and keeps it in `is_healthy`.
pub(super) fn watch(
    session: Arc<Session>,
    statements: Arc<Statements>,
    is_healthy: Arc<AtomicBool>,
) -> AbortHandle {
    let watching = async move {
        loop {
            sleep(PING_PAUSE).await;
            let ping = session.execute_unpaged(&statements.ping, (Uuid::nil(),));
            let answers = matches!(timeout(PING_TIME, ping).await, Ok(Ok(_)));
            if is_healthy.swap(answers, Ordering::Relaxed) != answers {
                if answers {
                    tracing::info!("store.reachable");
                } else {
                    tracing::warn!("store.unreachable");
                }
            }
        }
    };
    tokio::spawn(watching).abort_handle()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// Of nobody: made for this test.
    const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUE5MoHLf1kKR/RP8Hzu7C8wNq0T8wCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjIxODM0NTNaGA8yMTI2MTAyOTE4MzQ1
M1owDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFxk
3SYgXMDV+XqnoHnmC4+gDsznCj+Rjjz99E6wq60n+xMPTXiwz6O1u1jkqOwH5RhW
UP24xUoOwFUYXRtiVXejUzBRMB0GA1UdDgQWBBTO3FSHKVUbiicSKYoihJwm0u0b
RjAfBgNVHSMEGDAWgBTO3FSHKVUbiicSKYoihJwm0u0bRjAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIA7IjryVLuL7SuOlHuHZbsNhrM4npw2w13Dl
oHzCjplpAiEAmIjhLH2/anbSAnZeO4VlArKnicLas8Sacs8nM+aiCqU=
-----END CERTIFICATE-----
";
    const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1meYxPtjHa/Pr/8O
R2j+cJT5CA2eWVwGikec20eFmLWhRANCAARcZN0mIFzA1fl6p6B55guPoA7M5wo/
kY48/fROsKutJ/sTD014sM+jtbtY5KjsB+UYVlD9uMVKDsBVGF0bYlV3
-----END PRIVATE KEY-----
";

    #[test]
    fn files_for_tls_are_taken_or_named() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| -> PathBuf {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (certificate, key) = (write("cert.pem", CERTIFICATE), write("key.pem", KEY));
        let empty = write("empty.pem", "");
        let tls = |ca: &PathBuf, identity: Option<(&PathBuf, &PathBuf)>| Tls {
            ca: ca.clone(),
            identity: identity.map(|(certificate, key)| (certificate.clone(), key.clone())),
        };
        assert!(encryption(&tls(&certificate, None)).is_ok());
        let both = tls(&certificate, Some((&certificate, &key)));
        assert!(
            encryption(&both)
                .unwrap()
                .client_auth_cert_resolver
                .has_certs()
        );
        let missing = dir.path().join("missing.pem");
        for (wrong, of) in [
            (tls(&empty, None), &empty),
            (tls(&missing, None), &missing),
            (tls(&certificate, Some((&empty, &key))), &empty),
            (
                tls(&certificate, Some((&certificate, &certificate))),
                &certificate,
            ),
        ] {
            let told = encryption(&wrong).unwrap_err().to_string();
            assert!(told.starts_with(&of.display().to_string()), "{told}");
            assert!(!told.contains('\n'), "{told}");
        }
    }
}
