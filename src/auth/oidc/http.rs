//! The way to the issuer: every call is bounded in time, every reply in bytes, and no redirect is
//! followed, so that nobody but the issuer is asked.

use futures::FutureExt;
use futures::future::BoxFuture;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, http};
use reqwest::{Client, Request, Response, Url, redirect};
use std::time::Duration;

/// The longest reply, in bytes.
const MAX_REPLY: usize = 256 * 1024;

/// Asks the issuer.
pub(super) struct Http {
    client: Client,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// What was asked for would be asked in the open.
    #[error("its endpoints must be https")]
    Insecure,
    /// Not reached, or not in time.
    #[error("{}", chain(.0))]
    Transport(#[from] reqwest::Error),
    /// A redirect, or its own failure.
    #[error("it answered {0}")]
    Status(http::StatusCode),
    /// Longer than any reply of an issuer is.
    #[error("its reply is longer than {MAX_REPLY} bytes")]
    TooLong,
    /// Nothing that can be a reply.
    #[error("{0}")]
    Malformed(#[from] http::Error),
}

/// The cause beneath the causes: reqwest's own text says little more than that it failed.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl Http {
    /// `call_time` is how long one call may take in all.
    pub(super) fn new(call_time: Duration) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .timeout(call_time)
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self { client })
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let request = Request::try_from(request)?;
        if !is_confidential(request.url()) {
            return Err(HttpError::Insecure);
        }
        let response = self.client.execute(request).await?;
        let status = response.status();
        if status.is_redirection() || status.is_server_error() {
            return Err(HttpError::Status(status));
        }
        let headers = response.headers().clone();
        let mut reply = http::Response::new(read(response).await?);
        *reply.status_mut() = status;
        *reply.headers_mut() = headers;
        Ok(reply)
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_REPLY {
            return Err(HttpError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Whether nobody on the way can read along: over TLS, or within this machine.
pub(super) fn is_confidential(url: &Url) -> bool {
    let is_loopback = match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let address = host.trim_start_matches('[').trim_end_matches(']');
            address
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.to_canonical().is_loopback())
        }
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback)
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        self.ask(request).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// What becomes of a request that is answered with this head, so much of a body, and silence.
    async fn answered(head: &'static str, body: usize) -> Result<HttpResponse, HttpError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            assert_ne!(stream.read(&mut request).await.unwrap(), 0);
            // The client may have had enough before the end.
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&vec![b'x'; body]).await;
            std::future::pending::<()>().await;
        });
        let http = Http::new(Duration::from_millis(300)).unwrap();
        let request = http::Request::get(format!("http://{address}/")).body(Vec::new());
        let answer = http.call(request.unwrap()).await;
        server.abort();
        answer
    }

    #[tokio::test]
    async fn a_reply_that_does_not_end_is_given_up() {
        let silent = answered("", 0).await;
        assert!(matches!(silent, Err(HttpError::Transport(error)) if error.is_timeout()));
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n";
        let half = answered(head, 4).await;
        assert!(matches!(half, Err(HttpError::Transport(error)) if error.is_timeout()));
    }

    #[tokio::test]
    async fn a_reply_without_end_is_cut() {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n";
        let huge = answered(head, MAX_REPLY + 1).await;
        assert!(matches!(huge, Err(HttpError::TooLong)), "{huge:?}");
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let away = "HTTP/1.1 307 x\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        let status = answered(away, 0).await;
        assert!(matches!(status, Err(HttpError::Status(status)) if status == 307));
    }

    #[tokio::test]
    async fn nothing_is_asked_in_the_open() {
        let http = Http::new(Duration::from_millis(300)).unwrap();
        let request = http::Request::get("http://issuer.invalid/").body(Vec::new());
        let refused = http.call(request.unwrap()).await;
        assert!(matches!(refused, Err(HttpError::Insecure)), "{refused:?}");
        let is_fine = |url: &str| is_confidential(&Url::parse(url).unwrap());
        assert!(is_fine("https://a.example") && is_fine("http://localhost:1/x"));
        assert!(is_fine("http://127.0.0.1") && is_fine("http://[::1]:9/"));
        assert!(!is_fine("http://a.example") && !is_fine("http://localhost.example"));
        assert!(!is_fine("http://127.0.0.1.example") && !is_fine("ftp://127.0.0.1"));
    }
}
