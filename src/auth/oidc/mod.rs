//! Login by way of an OpenID provider: the authorization code flow with PKCE, as its client.
//!
//! Says where a person is sent, exchanges the code that comes back, and judges the ID token. Which
//! logins are pending, and whose account an identity is, is for others to say; it stores nothing.

mod http;
mod issuer;
mod verify;

use crate::domain::identity::{EmailNotVerified, Identity, PendingLogin};
use crate::sources::Sources;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Http, HttpError};
use issuer::{Issuer, Unreachable};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreErrorResponseType, CoreIdToken,
    CoreProviderMetadata,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RequestTokenError, Scope, StandardErrorResponse,
};
use std::sync::Arc;
use std::time::Duration;
use verify::{Rejected, verify};

/// How long one call of the issuer may take.
const CALL_TIME: Duration = Duration::from_secs(5);

/// Who we are to which issuer.
pub struct Registered {
    /// The issuer's URL, as its ID tokens name it.
    pub issuer: String,
    /// What the issuer calls us.
    pub client_id: String,
    /// What we prove that with.
    pub client_secret: String,
    /// Where the issuer sends people back to.
    pub redirect_url: String,
}

/// What is registered cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("login with OpenID Connect: {0}")]
pub struct Unusable(String);

/// Why no identity came of it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The issuer did not answer, or not as an issuer does.
    #[error("the issuer cannot be reached: {0}")]
    Unreachable(String),
    /// The issuer took back its word, or never gave it.
    #[error("the issuer's word is not accepted: {0}")]
    Refused(String),
    /// It is the issuer's word, about an address that it does not vouch for.
    #[error(transparent)]
    EmailNotVerified(#[from] EmailNotVerified),
}

impl From<Unreachable> for Error {
    fn from(cause: Unreachable) -> Self {
        Self::Unreachable(cause.to_string())
    }
}

impl From<Rejected> for Error {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Final(error) => error,
            Rejected::UnknownKey => {
                Self::Refused("ID token: no key of the issuer's has made it".to_owned())
            }
        }
    }
}

/// Where to send a person, and what to keep for their return.
#[derive(Debug)]
pub struct Departure {
    /// The issuer's page.
    pub url: String,
    /// What finishes the login.
    pub login: PendingLogin,
}

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The client of an OpenID provider. It asks nothing of it before the first login.
pub struct OpenId {
    issuer: Arc<Issuer>,
    http: Arc<Http>,
    client_id: ClientId,
    client_secret: ClientSecret,
    redirect_url: RedirectUrl,
    sources: Sources,
}

impl OpenId {
    /// The client that is registered so.
    ///
    /// # Errors
    /// A URL is none, or no connection over TLS can be made.
    pub fn new(registered: Registered, sources: Sources) -> Result<Self, Unusable> {
        let unusable = |error: &dyn std::error::Error| Unusable(error.to_string());
        let issuer = IssuerUrl::new(registered.issuer).map_err(|error| unusable(&error))?;
        let http = Arc::new(Http::new(CALL_TIME).map_err(|error| unusable(&error))?);
        Ok(Self {
            issuer: Issuer::new(issuer, Arc::clone(&http), sources.clock.clone()),
            http,
            client_id: ClientId::new(registered.client_id),
            client_secret: ClientSecret::new(registered.client_secret),
            redirect_url: RedirectUrl::new(registered.redirect_url)
                .map_err(|error| unusable(&error))?,
            sources,
        })
    }

    /// A text that nobody can guess: 256 random bits.
    #[must_use]
    pub fn unguessable(&self) -> String {
        let mut bytes = [0; 32];
        self.sources.entropy.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Makes sure that the issuer is known.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn reach(&self) -> Result<(), Error> {
        self.issuer.known().await?;
        Ok(())
    }

    /// Where to send somebody who is to come back with `state`.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn depart(&self, state: &str) -> Result<Departure, Error> {
        let issuer = self.issuer.known().await?;
        let login = PendingLogin {
            nonce: self.unguessable(),
            verifier: self.unguessable(),
            created_at: self.sources.clock.now(),
        };
        let verifier = PkceCodeVerifier::new(login.verifier.clone());
        let (state, nonce) = (state.to_owned(), login.nonce.clone());
        let (url, _, _) = self
            .client(&issuer)
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .add_scope(Scope::new("email".to_owned()))
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        let url = url.into();
        Ok(Departure { url, login })
    }

    /// For whom the issuer vouches, who came back with `code` from this login.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn arrive(&self, code: String, login: &PendingLogin) -> Result<Identity, Error> {
        let issuer = self.issuer.known().await?;
        let token = self.exchange(&issuer, code, &login.verifier).await?;
        let judged = match self.judge(&token, &issuer, login) {
            Err(Rejected::UnknownKey) => {
                let issuer = self.issuer.newer_than(&issuer).await?;
                self.judge(&token, &issuer, login)
            }
            judged => judged,
        };
        Ok(judged?)
    }

    fn judge(
        &self,
        token: &CoreIdToken,
        issuer: &CoreProviderMetadata,
        login: &PendingLogin,
    ) -> Result<Identity, Rejected> {
        let now = self.sources.clock.now();
        verify(token, issuer, &self.client_id, &login.nonce, now)
    }

    async fn exchange(
        &self,
        issuer: &CoreProviderMetadata,
        code: String,
        verifier: &str,
    ) -> Result<CoreIdToken, Error> {
        let client = self.client(issuer);
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| Error::Unreachable(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()));
        let reply = request.request_async(&*self.http).await.map_err(failed)?;
        let token = reply.extra_fields().id_token().cloned();
        token.ok_or_else(|| Error::Refused("there is no ID token".to_owned()))
    }

    fn client(&self, issuer: &CoreProviderMetadata) -> Client {
        let client = CoreClient::from_provider_metadata(
            issuer.clone(),
            self.client_id.clone(),
            Some(self.client_secret.clone()),
        );
        let methods = issuer.token_endpoint_auth_methods_supported();
        let basic = methods
            .is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        client
            .set_auth_type(if basic {
                AuthType::BasicAuth
            } else {
                AuthType::RequestBody
            })
            .set_redirect_uri(self.redirect_url.clone())
    }
}

type Refusal = StandardErrorResponse<CoreErrorResponseType>;

/// Nothing of the reply itself is told: there may be tokens in it.
fn failed(error: RequestTokenError<HttpError, Refusal>) -> Error {
    match error {
        RequestTokenError::Request(error) => Error::Unreachable(error.to_string()),
        RequestTokenError::ServerResponse(refusal) => {
            Error::Refused(format!("it refuses the code: {:?}", refusal.error()))
        }
        RequestTokenError::Parse(..) => Error::Refused("its reply is malformed".to_owned()),
        RequestTokenError::Other(cause) => Error::Refused(cause),
    }
}
