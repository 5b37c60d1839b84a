//! What is known of the issuer: its endpoints and its keys, fetched when first needed, kept for an
//! hour, and fetched again for a key that is not among them, both with a limit.

use super::http::Http;
use crate::domain::time::{Millis, Timestamp};
use crate::sources::Clock;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use openidconnect::core::CoreProviderMetadata;
use openidconnect::{DiscoveryError, IssuerUrl};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long what was fetched is used. A key that the issuer withdraws counts no longer than that.
const FRESH: Millis = Millis::hours(1);
/// The least pause before a failed fetch is repeated.
const RETRY_PAUSE: Millis = Millis::seconds(2);
/// The least pause between two fetches for the sake of unknown keys, which anybody can name.
const UNKNOWN_KEY_PAUSE: Millis = Millis::seconds(60);

/// The issuer does not tell what it must, for this reason.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreachable(Arc<str>);

type Fetched = Result<Arc<CoreProviderMetadata>, Unreachable>;

/// The issuer, as far as it is known.
pub(super) struct Issuer {
    url: IssuerUrl,
    http: Arc<Http>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<(Arc<CoreProviderMetadata>, Timestamp)>,
    /// The fetch that is under way, for whoever else needs it.
    fetching: Option<Shared<BoxFuture<'static, Fetched>>>,
    failed: Option<(Unreachable, Timestamp)>,
    asked_for_unknown_key: Option<Timestamp>,
}

impl Issuer {
    pub(super) fn new(url: IssuerUrl, http: Arc<Http>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            url,
            http,
            clock,
            state: Mutex::default(),
        })
    }

    /// Its endpoints and keys, at most [`FRESH`] old.
    pub(super) async fn known(self: &Arc<Self>) -> Fetched {
        let fetching = {
            let (now, mut state) = (self.clock.now(), self.state());
            if let Some((known, _)) = state
                .known
                .as_ref()
                .filter(|(_, at)| within(FRESH, *at, now))
            {
                return Ok(Arc::clone(known));
            }
            self.fetch(&mut state, now)?
        };
        fetching.await
    }

    /// The same with keys that are newer than those of `seen`, among which one was missing. Where
    /// that was asked a moment ago already, they are `seen` itself.
    pub(super) async fn newer_than(self: &Arc<Self>, seen: &Arc<CoreProviderMetadata>) -> Fetched {
        let fetching = {
            let (now, mut state) = (self.clock.now(), self.state());
            match &state.known {
                Some((known, _)) if !Arc::ptr_eq(known, seen) => return Ok(Arc::clone(known)),
                _ => {}
            }
            let asked = state.asked_for_unknown_key;
            if asked.is_some_and(|at| within(UNKNOWN_KEY_PAUSE, at, now)) {
                return Ok(Arc::clone(seen));
            }
            state.asked_for_unknown_key = Some(now);
            self.fetch(&mut state, now)?
        };
        fetching.await
    }

    /// The fetch that is under way, or a new one.
    fn fetch(
        self: &Arc<Self>,
        state: &mut State,
        now: Timestamp,
    ) -> Result<Shared<BoxFuture<'static, Fetched>>, Unreachable> {
        if let Some(fetching) = &state.fetching {
            return Ok(fetching.clone());
        }
        if let Some((cause, _)) = state
            .failed
            .as_ref()
            .filter(|(_, at)| within(RETRY_PAUSE, *at, now))
        {
            return Err(cause.clone());
        }
        // On its own, so that it goes on when those who wait for it have gone.
        let (issuer, http) = (self.url.clone(), Arc::clone(&self.http));
        let asking = tokio::spawn(async move { discover(issuer, &http).await });
        let this = Arc::clone(self);
        let fetching = async move {
            let fetched = asking.await;
            let fetched =
                fetched.unwrap_or_else(|error| Err(Unreachable(error.to_string().into())));
            this.learn(&fetched);
            fetched
        };
        let fetching = fetching.boxed().shared();
        state.fetching = Some(fetching.clone());
        Ok(fetching)
    }

    fn learn(&self, fetched: &Fetched) {
        let (now, mut state) = (self.clock.now(), self.state());
        state.fetching = None;
        match fetched {
            Ok(known) => {
                state.known = Some((Arc::clone(known), now));
                state.failed = None;
            }
            Err(cause) => {
                state.failed = Some((cause.clone(), now));
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn discover(issuer: IssuerUrl, http: &Http) -> Fetched {
    let found = CoreProviderMetadata::discover_async(issuer, http).await;
    found.map(Arc::new).map_err(|error| {
        let cause = match error {
            DiscoveryError::Request(error) => error.to_string(),
            DiscoveryError::Parse(error) => format!("its reply is malformed: {error}"),
            other => other.to_string(),
        };
        Unreachable(cause.into())
    })
}

/// Whether `now` is within this time after `at`; not so where the clock was set back.
fn within(length: Millis, at: Timestamp, now: Timestamp) -> bool {
    (Millis(0)..length).contains(&now.since(at))
}
