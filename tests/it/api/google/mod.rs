//! Login with Google, against an issuer of our own.

mod answers;
mod flow;
mod issuer;
mod keys;
mod reach;
mod states;

use super::client::{Answer, PASSWORD};
use crate::app::{TestApp, settings};
use crate::world::{ManualClock, START};
use cartwright::app::Stores;
use cartwright::domain::account::Claim;
use cartwright::domain::identity::Subject;
use cartwright::store::memory::MemoryStore;
use cartwright::store::{Claims, Store};
use issuer::{CLIENT_ID, CLIENT_SECRET, Issuer, REDIRECT_URL};
use reqwest::Method;
use serde_json::Value;
use std::sync::Arc;

const START_PATH: &str = "/api/v1/auth/google";
const CALLBACK: &str = "/api/v1/auth/google/callback";
const ADMIN: &str = "admin@example.com";

/// A shop that people enter by way of an issuer.
struct Door {
    app: TestApp,
    issuer: Issuer,
    clock: Arc<ManualClock>,
    memory: MemoryStore,
}

impl Door {
    async fn open() -> Self {
        let (clock, memory) = ground();
        Self::over(Arc::new(memory.clone()), memory, clock, &[]).await
    }

    /// With these flags of `serve`, over a store around `memory`.
    async fn over(
        store: Arc<dyn Store>,
        memory: MemoryStore,
        clock: Arc<ManualClock>,
        flags: &[&str],
    ) -> Self {
        let issuer = Issuer::start(clock.clone()).await;
        Self {
            app: serve(store, clock.clone(), &issuer.url, flags).await,
            issuer,
            clock,
            memory,
        }
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Answer {
        get(&self.app, path, query).await
    }

    /// Where a person is sent, and the state.
    async fn begin(&self) -> (String, String) {
        let data = self.get(START_PATH, &[]).await.data();
        let text = |name: &str| data[name].as_str().unwrap().to_owned();
        (text("url"), text("state"))
    }

    async fn come_back(&self, state: &str, code: &str) -> Answer {
        self.get(CALLBACK, &[("state", state), ("code", code)])
            .await
    }

    /// A whole login.
    async fn login(&self) -> Answer {
        let (url, state) = self.begin().await;
        let code = self.issuer.authorize(&url);
        self.come_back(&state, &code).await
    }

    /// What the issuer's person is linked with.
    async fn link(&self) -> Option<Claim> {
        let sub = self.issuer.state().person["sub"]
            .as_str()
            .unwrap()
            .to_owned();
        let subject = Subject::parse(&self.issuer.url, &sub).unwrap();
        self.memory.subject(subject).await.unwrap().value
    }

    async fn send(&self, method: Method, path: &str, body: &Value, token: &str) -> Answer {
        let request = self.app.request(method, path).json(body).bearer_auth(token);
        Answer::of(request).await
    }
}

/// A clock that stands, and an empty store by it.
fn ground() -> (Arc<ManualClock>, MemoryStore) {
    let clock = Arc::new(ManualClock::at(START));
    (clock.clone(), MemoryStore::new(clock))
}

async fn get(app: &TestApp, path: &str, query: &[(&str, &str)]) -> Answer {
    let mut url = reqwest::Url::parse(&format!("{}{path}", app.url)).unwrap();
    url.query_pairs_mut().extend_pairs(query);
    Answer::of(app.client.get(url)).await
}

/// A node of the shop.
async fn serve(
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    issuer: &str,
    flags: &[&str],
) -> TestApp {
    let client = [
        "--google-client-id",
        CLIENT_ID,
        "--google-client-secret",
        CLIENT_SECRET,
        "--google-redirect-url",
        REDIRECT_URL,
        "--oidc-issuer",
        issuer,
        "--demo-catalog",
        "off",
        "--admin-email",
        ADMIN,
        "--admin-password",
        PASSWORD,
    ];
    let flags: Vec<_> = client.iter().chain(flags).copied().collect();
    let stores = Stores {
        store,
        is_healthy: Arc::new(|| true),
    };
    TestApp::start_at(settings(&flags), stores, clock).await
}

/// The status and code of a refusal, to compare with.
fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
