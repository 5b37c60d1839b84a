//! The client of an OpenID provider: whole or not at all, and never asked or answered in the open.

use super::settings::InvalidSettings;
use super::values::Redacted;
use reqwest::Url;
use std::net::IpAddr;

/// Who we are to which issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIdSettings {
    /// The issuer, as its ID tokens name it.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// What we prove that with.
    pub client_secret: Redacted,
    /// Where it sends people back to.
    pub redirect_url: String,
}

/// The client, if one is named. An empty text is none.
pub(super) fn openid(
    issuer: String,
    client_id: Option<String>,
    client_secret: Option<Redacted>,
    redirect_url: Option<String>,
) -> Result<Option<OpenIdSettings>, InvalidSettings> {
    if !is_issuer(&issuer) {
        return Err(InvalidSettings::Issuer);
    }
    match (named(client_id), client_secret, named(redirect_url)) {
        (None, None, None) => Ok(None),
        (Some(client_id), Some(client_secret), Some(redirect_url)) => {
            if !is_redirect_url(&redirect_url) {
                return Err(InvalidSettings::RedirectUrl);
            }
            Ok(Some(OpenIdSettings {
                issuer,
                client_id,
                client_secret,
                redirect_url,
            }))
        }
        _ => Err(InvalidSettings::PartOfAClient),
    }
}

fn named(text: Option<String>) -> Option<String> {
    let text = text?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn is_issuer(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let is_loopback = url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        let address = address.parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
    });
    let is_private = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    is_private && url.query().is_none() && url.fragment().is_none() && url.username().is_empty()
}

fn is_redirect_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        ["http", "https"].contains(&url.scheme()) && url.has_host() && url.fragment().is_none()
    })
}
