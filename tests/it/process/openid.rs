//! Login by way of a real OpenID provider, as a process of its own (`tests/oidc-provider`).

use super::binary::{Server, Shop, cartwright};
use crate::api::client::Answer;
use crate::app::SECRET;
use reqwest::{Client, Url, header, redirect};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Where the provider's sources are, and where it is installed.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oidc-provider");
const INSTALLED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/oidc-provider");

/// A running provider. Dropped, it is killed.
struct Provider {
    issuer: String,
    child: Child,
    /// Open as long as somebody may write to it.
    stdout: BufReader<ChildStdout>,
}

impl Provider {
    /// For a shop whose people come back to `redirect_url`.
    fn start(dir: &Path, redirect_url: &str) -> Self {
        let mut child = Command::new("node")
            .arg("server.js")
            .current_dir(dir)
            .env("REDIRECT_URL", redirect_url)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        // Guarded before anything can fail.
        let mut provider = Self {
            issuer: String::new(),
            child,
            stdout,
        };
        let mut lines = (&mut provider.stdout).lines().map_while(Result::ok);
        let issuer = lines.find_map(|line| line.strip_prefix("issuer ").map(str::to_owned));
        provider.issuer = issuer.expect("the provider did not start");
        provider
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn runs(program: &str) -> bool {
    let mut command = Command::new(program);
    let ran = command.arg("--version").stdout(Stdio::null()).status();
    ran.is_ok_and(|status| status.success())
}

/// The folder of the provider, installed as its lock file says, outside the sources; `None` where
/// Node is missing.
fn installed() -> Option<PathBuf> {
    if let Some(lacking) = ["node", "npm"].into_iter().find(|program| !runs(program)) {
        assert!(
            std::env::var_os("CI").is_none(),
            "login by way of a real OpenID provider needs {lacking}"
        );
        eprintln!("SKIPPED: no login by way of a real OpenID provider, for want of {lacking}");
        return None;
    }
    let dir = PathBuf::from(INSTALLED);
    std::fs::create_dir_all(&dir).unwrap();
    let read = |dir: &Path, name: &str| std::fs::read(dir.join(name)).unwrap_or_default();
    let is_current = dir.join("node_modules/.complete").exists()
        && ["package.json", "package-lock.json"]
            .iter()
            .all(|name| read(&dir, name) == read(Path::new(SOURCES), name));
    for name in ["package.json", "package-lock.json", "server.js"] {
        std::fs::write(dir.join(name), read(Path::new(SOURCES), name)).unwrap();
    }
    if !is_current {
        let npm = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(&dir)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&npm.stderr);
        assert!(npm.status.success(), "npm ci: {said}");
        std::fs::write(dir.join("node_modules/.complete"), "").unwrap();
    }
    Some(dir)
}

/// A person's browser: keeps cookies, and goes where it is sent.
struct Browser {
    client: Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new() -> Self {
        let client = Client::builder().redirect(redirect::Policy::none());
        Self {
            client: client.build().unwrap(),
            cookies: BTreeMap::new(),
        }
    }

    /// Follows redirects from `url` until they lead to `end`, which it does not open.
    async fn sent_to(&mut self, url: &str, end: &str) -> Url {
        let mut url = Url::parse(url).unwrap();
        for _ in 0..10 {
            if url.as_str().starts_with(end) {
                return url;
            }
            let cookies = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            let cookies = cookies.collect::<Vec<_>>().join("; ");
            let request = self.client.get(url.clone()).header(header::COOKIE, cookies);
            let answer = request.send().await.unwrap();
            assert!(
                answer.status().is_redirection(),
                "{url}: {}",
                answer.status()
            );
            for cookie in answer.headers().get_all(header::SET_COOKIE) {
                let pair = cookie.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            let next = answer.headers()[header::LOCATION].to_str().unwrap();
            url = url.join(next).unwrap();
        }
        panic!("sent from {url} to {url} without end");
    }
}

async fn get(url: &str) -> Answer {
    Answer::of(Client::new().get(url)).await
}

/// Where a login begins, and its state.
async fn begin(server: &Server) -> (String, String) {
    let data = get(&format!("{}/api/v1/auth/google", server.url))
        .await
        .data();
    let text = |name: &str| data[name].as_str().unwrap().to_owned();
    (text("url"), text("state"))
}

async fn login(server: &Server, redirect_url: &str) -> Value {
    let (url, state) = begin(server).await;
    let back = Browser::new().sent_to(&url, redirect_url).await;
    let (_, returned) = back
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap();
    assert_eq!(returned, state);
    let answer = get(back.as_str()).await;
    assert_eq!(answer.status, 200, "{} {}", answer.text, server.log());
    let again = get(back.as_str()).await;
    assert_eq!(again.refusal(), (400, "unknown_state".to_owned()));
    answer.data()
}

#[tokio::test]
async fn a_person_logs_in_by_way_of_a_real_provider() {
    let Some(dir) = installed() else { return };
    // The provider has to know where people come back to before the server is there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap();
    let redirect_url = format!("http://{address}/api/v1/auth/google/callback");
    let provider = Provider::start(&dir, &redirect_url);
    drop(port);
    let shop = Shop::new();
    let (listen, store) = (address.to_string(), shop.store());
    let flags = [
        "serve",
        "--listen",
        &listen,
        "--ops-listen",
        "off",
        "--store",
        &store,
    ];
    let serve = || {
        let mut command = cartwright(&flags);
        command
            .env("CARTWRIGHT_JWT_SECRET", SECRET)
            .env("CARTWRIGHT_GOOGLE_CLIENT_ID", "shop")
            .env("CARTWRIGHT_GOOGLE_CLIENT_SECRET", "local-secret")
            .env("CARTWRIGHT_GOOGLE_REDIRECT_URL", &redirect_url)
            .env("CARTWRIGHT_OIDC_ISSUER", &provider.issuer)
            .env("CARTWRIGHT_LOG", "debug");
        shop.started(&mut command)
    };
    let server = serve();
    let session = login(&server, &redirect_url).await;
    assert_eq!(session["user"]["email"], "ann@example.com");
    assert_eq!(session["user"]["email_verified"], true);
    let profile = Client::new()
        .get(format!("{}/api/v1/auth/profile", server.url))
        .bearer_auth(session["access_token"].as_str().unwrap());
    let profile = Answer::of(profile).await.data();
    assert_eq!(profile["user"]["id"], session["user"]["id"]);
    assert_eq!(profile["roles"], json!(["user"]));
    let refresh = Client::new()
        .post(format!("{}/api/v1/auth/refresh", server.url))
        .json(&json!({"refresh_token": session["refresh_token"]}));
    assert_eq!(Answer::of(refresh).await.status, 200);

    // What was told is there after kill -9, and a login that was begun can be finished.
    let (url, _) = begin(&server).await;
    let log = server.log();
    server.kill();
    let server = serve();
    let back = Browser::new().sent_to(&url, &redirect_url).await;
    let answer = get(back.as_str()).await;
    assert_eq!(answer.data()["user"]["id"], session["user"]["id"]);
    for secret in [
        "local-secret",
        "ann@example.com",
        "code_verifier",
        "id_token",
    ] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    server.stop();
}
