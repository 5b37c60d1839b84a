//! What a load balancer does: it asks each node now and then whether it is ready, spreads requests
//! over those that are, and goes to another where a connection cannot be made. It notes what fails.

use super::fleet::Node;
use crate::load;
use crate::process::api::{Answer, Api, Request};
use async_trait::async_trait;
use reqwest::Client;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Between two checks of a node.
const CHECK_PAUSE: Duration = Duration::from_millis(500);
/// How long the answer to a check may take.
const CHECK_TIME: Duration = Duration::from_secs(1);
/// How long an answer may take: a server's time for a request is 5 s.
const ANSWER_TIME: Duration = Duration::from_secs(8);

/// Who may be asked, and what went wrong.
#[derive(Default)]
pub struct Balancer {
    ready: Mutex<Vec<Target>>,
    failures: Mutex<Vec<Failed>>,
}

#[derive(Clone)]
struct Target {
    url: String,
    api: Api,
}

/// How a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 503, with the time after which to come again.
    PutOff,
    /// The connection broke, after the request was sent.
    Broken,
    /// No answer came in time.
    Late,
    /// No node is ready.
    Nobody,
}

/// A request that failed: when it was sent, and when that was known.
#[derive(Clone, Copy)]
struct Failed {
    how: Failure,
    sent: Instant,
    known: Instant,
}

/// What failed in a while.
pub struct Failures {
    since: Instant,
    all: Vec<Failed>,
}

impl Balancer {
    /// One that has these nodes.
    pub fn before(nodes: &[&Node]) -> Arc<Self> {
        let balancer = Arc::<Self>::default();
        for node in nodes {
            balancer.add(&node.server.url);
        }
        balancer
    }

    /// Has requests go to the node while it is ready.
    pub fn add(self: &Arc<Self>, url: &str) {
        let target = Target {
            url: url.to_owned(),
            api: Api::of(url),
        };
        tokio::spawn(self.clone().check(target));
    }

    async fn check(self: Arc<Self>, target: Target) {
        let client = Client::builder().timeout(CHECK_TIME).build().unwrap();
        let url = format!("{}/ready", target.url);
        loop {
            let answer = client.get(&url).send().await;
            let is_ready = answer.is_ok_and(|answer| answer.status().is_success());
            {
                let mut ready = self.ready.lock().unwrap();
                let was_ready = ready.iter().any(|one| one.url == target.url);
                match (was_ready, is_ready) {
                    (false, true) => ready.push(target.clone()),
                    (true, false) => ready.retain(|one| one.url != target.url),
                    _ => {}
                }
            }
            sleep(CHECK_PAUSE).await;
        }
    }

    /// What has failed since then.
    pub fn failures(&self, since: Instant) -> Failures {
        let all = self.failures.lock().unwrap().clone();
        Failures {
            since,
            all: all.into_iter().filter(|one| one.known >= since).collect(),
        }
    }

    fn fails(&self, sent: Instant, how: Failure) {
        let known = Instant::now();
        let failed = Failed { how, sent, known };
        self.failures.lock().unwrap().push(failed);
    }

    fn choose(&self, drawn: usize) -> Option<Api> {
        let ready = self.ready.lock().unwrap();
        let chosen = ready.get(drawn.checked_rem(ready.len())?)?;
        Some(chosen.api.clone())
    }
}

#[async_trait]
impl load::Shop for Balancer {
    async fn send(&self, request: &Request, drawn: usize) -> Option<Answer> {
        let sent = Instant::now();
        for attempt in 0..3 {
            let Some(api) = self.choose(drawn.wrapping_add(attempt)) else {
                self.fails(sent, Failure::Nobody);
                return None;
            };
            match timeout(ANSWER_TIME, api.send(request)).await {
                Ok(Ok(answer)) => {
                    if answer.status == 503 {
                        self.fails(sent, Failure::PutOff);
                    }
                    return Some(answer);
                }
                // Nothing was sent.
                Ok(Err(error)) if error.is_connect() => {}
                Ok(Err(_)) => {
                    self.fails(sent, Failure::Broken);
                    return None;
                }
                Err(_) => {
                    self.fails(sent, Failure::Late);
                    return None;
                }
            }
        }
        self.fails(sent, Failure::Nobody);
        None
    }
}

impl Failures {
    /// How long after the beginning the last was sent that failed.
    pub fn lasted(&self) -> Duration {
        self.last(|one| one.sent)
    }

    /// Of how many nobody said when to come again.
    pub fn lost(&self) -> usize {
        self.all.len() - self.count(Failure::PutOff)
    }

    fn count(&self, how: Failure) -> usize {
        self.all.iter().filter(|one| one.how == how).count()
    }

    fn last(&self, when: impl Fn(&Failed) -> Instant) -> Duration {
        let after = |one| when(one).saturating_duration_since(self.since);
        self.all.iter().map(after).max().unwrap_or_default()
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |failure| self.count(failure);
        write!(
            f,
            "503: {}, broken: {}, late: {}, nobody ready: {}; the last was sent after {:.1} s, and \
             told after {:.1} s",
            count(Failure::PutOff),
            count(Failure::Broken),
            count(Failure::Late),
            count(Failure::Nobody),
            self.lasted().as_secs_f64(),
            self.last(|one| one.known).as_secs_f64()
        )
    }
}
