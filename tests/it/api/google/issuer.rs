//! An issuer in the test's own process, which says and does what it is told.

use super::keys::Key;
use crate::world::ManualClock;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cartwright::sources::Clock;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub const CLIENT_ID: &str = "shop-client";
pub const CLIENT_SECRET: &str = "a-secret/of the+client";
pub const REDIRECT_URL: &str = "http://127.0.0.1:9/back";

/// An issuer on a loopback port.
pub struct Issuer {
    pub url: String,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

/// What goes wrong with the answers of a path.
#[derive(Clone, Copy)]
pub enum Trouble {
    Silence,
    Huge,
    Garbage,
    Redirect,
    Failure,
}

/// How it signs.
pub enum Signature {
    By(Key),
    /// `alg` is `none`.
    None,
    /// HS256 with these bytes.
    Shared(Vec<u8>),
}

type Edit = Box<dyn Fn(&mut Value) + Send>;

/// What it says and does.
pub struct State {
    pub published: Vec<Key>,
    pub signature: Signature,
    pub algorithms: Vec<&'static str>,
    /// The claims about whoever logs in.
    pub person: Value,
    /// What is changed in each ID token.
    pub edit: Edit,
    pub trouble: BTreeMap<&'static str, Trouble>,
    /// How often each path was asked.
    pub asked: BTreeMap<String, usize>,
    url: String,
    clock: Arc<ManualClock>,
    codes: HashMap<String, Grant>,
}

struct Grant {
    nonce: String,
    challenge: String,
}

impl Issuer {
    pub async fn start(clock: Arc<ManualClock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State {
            published: vec![Key::elliptic(), Key::rsa()],
            signature: Signature::By(Key::elliptic()),
            algorithms: vec!["ES256", "RS256", "HS256", "none"],
            person: json!({
                "sub": "248289761001", "email": "Ann@Example.com", "email_verified": true,
                "given_name": "Ann", "family_name": "Lee",
            }),
            edit: Box::new(|_| {}),
            trouble: BTreeMap::new(),
            asked: BTreeMap::new(),
            url: url.clone(),
            clock,
            codes: HashMap::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self {
            url,
            state,
            serving,
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// How often a path was asked.
    pub fn asked(&self, path: &str) -> usize {
        self.state().asked.get(path).copied().unwrap_or_default()
    }

    /// What a person gets who was sent here and logs in: a code.
    pub fn authorize(&self, url: &str) -> String {
        let url = Url::parse(url).unwrap();
        let given: HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert!(
            url.as_str()
                .starts_with(&format!("{}/authorize?", self.url))
        );
        assert_eq!(given["response_type"], "code");
        assert_eq!(given["client_id"], CLIENT_ID);
        assert_eq!(given["redirect_uri"], REDIRECT_URL);
        assert_eq!(given["scope"], "openid email profile");
        assert_eq!(given["code_challenge_method"], "S256");
        assert!(given["nonce"].len() >= 43 && !given["state"].is_empty());
        let mut state = self.state();
        let code = format!("code-{}", state.codes.len());
        let grant = Grant {
            nonce: given["nonce"].clone(),
            challenge: given["code_challenge"].clone(),
        };
        state.codes.insert(code.clone(), grant);
        code
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl State {
    fn answer(&mut self, path: &str, head: &str, body: &str) -> (u16, String) {
        let (status, answer) = match path {
            "/.well-known/openid-configuration" => (200, self.discovery()),
            "/keys" => {
                let keys: Vec<_> = self.published.iter().map(Key::public).collect();
                (200, json!({"keys": keys}))
            }
            "/token" => match self.token(head, body) {
                Some(token) => {
                    let answer = json!({
                        "access_token": "an-access-token", "token_type": "Bearer", "id_token": token,
                    });
                    (200, answer)
                }
                None => (400, json!({"error": "invalid_grant"})),
            },
            _ => (404, json!({})),
        };
        (status, answer.to_string())
    }

    fn discovery(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.url);
        json!({
            "issuer": self.url, "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"), "jwks_uri": at("/keys"),
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": self.algorithms,
        })
    }

    /// A code is good once, for our client, with what proves that it was sent there by us.
    fn token(&mut self, head: &str, body: &str) -> Option<String> {
        let form = Url::parse(&format!("http://form/?{body}")).unwrap();
        let given: HashMap<_, _> = form.query_pairs().into_owned().collect();
        let quoted = "a-secret%2Fof+the%2Bclient";
        let basic = STANDARD.encode(format!("{CLIENT_ID}:{quoted}"));
        let is_client = head.lines().any(|line| {
            let (name, value) = line.split_once(": ").unwrap_or_default();
            name.eq_ignore_ascii_case("authorization") && value == format!("Basic {basic}")
        });
        let grant = self.codes.remove(&given["code"])?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&given["code_verifier"]));
        let is_fine = is_client
            && challenge == grant.challenge
            && given["grant_type"] == "authorization_code"
            && given["redirect_uri"] == REDIRECT_URL;
        is_fine.then(|| self.id_token(&grant.nonce))
    }

    fn id_token(&self, nonce: &str) -> String {
        let now = self.clock.now().0 / 1_000;
        let mut claims = self.person.clone();
        claims["iss"] = json!(self.url);
        claims["aud"] = json!(CLIENT_ID);
        claims["nonce"] = json!(nonce);
        claims["iat"] = json!(now);
        claims["exp"] = json!(now + 300);
        (self.edit)(&mut claims);
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let (header, key) = match &self.signature {
            Signature::By(key) => {
                let header = json!({"typ": "JWT", "alg": key.algorithm, "kid": key.kid});
                (header, Some((key.private.clone(), key.algorithm)))
            }
            Signature::None => (json!({"alg": "none"}), None),
            Signature::Shared(secret) => {
                let key = EncodingKey::from_secret(secret);
                (json!({"alg": "HS256"}), Some((key, Algorithm::HS256)))
            }
        };
        let signed = format!("{}.{}", encoded(&header), encoded(&claims));
        let signature =
            key.map(|(key, algorithm)| crypto::sign(signed.as_bytes(), &key, algorithm).unwrap());
        format!("{signed}.{}", signature.unwrap_or_default())
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let Some((path, head, body)) = read(&mut stream).await else {
        return;
    };
    let (trouble, (status, mut answer)) = {
        let mut state = state.lock().unwrap();
        *state.asked.entry(path.clone()).or_default() += 1;
        let trouble = state.trouble.get(path.as_str()).copied();
        (trouble, state.answer(&path, &head, &body))
    };
    let mut status = status.to_string();
    match trouble {
        None => {}
        Some(Trouble::Silence) => std::future::pending().await,
        Some(Trouble::Huge) => answer = " ".repeat(300 * 1024) + &answer,
        Some(Trouble::Garbage) => answer = "<html>".to_owned(),
        Some(Trouble::Redirect) => status = "307 x\r\nlocation: /elsewhere".to_owned(),
        Some(Trouble::Failure) => status = "500".to_owned(),
    }
    let length = answer.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{answer}"
    );
    // The client may have had enough.
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// Path, head and body of a request.
async fn read(stream: &mut TcpStream) -> Option<(String, String, String)> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.ok()?;
        if count == 0 {
            return None;
        }
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8(bytes.clone()).ok()?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let mut lengths = head.lines().filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        if body.len() >= lengths.next_back().unwrap_or(0) {
            let path = head.split(' ').nth(1)?.to_owned();
            return Some((path, head.to_owned(), body.to_owned()));
        }
    }
}
