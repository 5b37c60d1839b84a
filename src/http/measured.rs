//! What is counted of requests: by endpoint, as the table has it, and by the class of the status.
//! Nothing that a client writes becomes a label.

use super::endpoints::{ENDPOINTS, Endpoint};
use super::error::Refused;
use crate::metrics::{By, Counter, Histogram, Labels, Metrics, Table, Unit, labels};
use std::time::Duration;
use warp::http::StatusCode;

/// The codes of the errors after which a request may be repeated: 429 and 503.
pub(super) const REFUSALS: [&str; 6] = [
    "rate_limited",
    "too_many_requests",
    "too_many_idempotency_keys",
    "overloaded",
    "unavailable",
    "not_ready",
];

/// The class of a status.
#[derive(Clone, Copy)]
enum Class {
    Success,
    Redirection,
    ClientError,
    ServerError,
    /// A login that was not set up: an answer that is right, and nobody's failure.
    NotOffered,
}

labels!(Class, "status",
    Success => "2xx",
    Redirection => "3xx",
    ClientError => "4xx",
    ServerError => "5xx",
    NotOffered => "501",
);

impl Class {
    fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            ..300 => Self::Success,
            300..400 => Self::Redirection,
            400..500 => Self::ClientError,
            501 => Self::NotOffered,
            500.. => Self::ServerError,
        }
    }
}

/// Of the requests for one endpoint, or for none. Cheap to clone.
#[derive(Clone)]
pub(super) struct RouteMeasures {
    requests: By<Class, Counter>,
    time: Histogram,
}

impl RouteMeasures {
    fn new() -> Self {
        Self {
            requests: By::default(),
            time: Histogram::of_times(),
        }
    }

    /// A request was answered so.
    pub(super) fn answered(&self, status: StatusCode, took: Duration) {
        self.requests.of(Class::of(status)).inc();
        self.time.took(took);
    }
}

/// Of all requests.
pub(super) struct Measures {
    /// In the order of the table.
    routes: Vec<RouteMeasures>,
    /// Of what no endpoint takes: unknown paths, wrong methods, preflights.
    pub(super) unmatched: RouteMeasures,
    refusals: [Counter; REFUSALS.len()],
    /// How often connections were refused for a moment.
    pub(super) pauses: Counter,
}

impl Measures {
    /// None yet, and shown.
    pub(super) fn new(metrics: &Metrics) -> Self {
        let measures = Self {
            routes: ENDPOINTS.iter().map(|_| RouteMeasures::new()).collect(),
            unmatched: RouteMeasures::new(),
            refusals: Default::default(),
            pauses: Counter::default(),
        };
        measures.register(metrics);
        measures
    }

    /// Those of an endpoint.
    pub(super) fn of(&self, endpoint: &'static Endpoint) -> RouteMeasures {
        let mut all = ENDPOINTS.iter().zip(&self.routes);
        let found = all.find(|(other, _)| std::ptr::eq(**other, endpoint));
        found
            .map_or(&self.unmatched, |(_, measures)| measures)
            .clone()
    }

    /// A request was refused for now.
    pub(super) fn refused(&self, refused: Refused) {
        let mut counters = REFUSALS.iter().zip(&self.refusals);
        if let Some((_, counter)) = counters.find(|(code, _)| **code == refused.code) {
            counter.inc();
        }
    }

    fn register(&self, metrics: &Metrics) {
        let classes = |(labels, of): (Vec<_>, &RouteMeasures)| {
            let of = of.requests.clone();
            (0..Class::COUNT).map(Class::at).map(move |class| {
                let labels = [labels.clone(), class.pairs()].concat();
                (labels, of.of(class).clone())
            })
        };
        metrics.register(
            "cartwright_http_requests",
            "Requests that were answered",
            Table::new(self.rows().flat_map(classes)),
        );
        metrics.register_in(
            Unit::Seconds,
            "cartwright_http_request_duration",
            "How long answering a request took, from its head to the head of the answer",
            Table::new(self.rows().map(|(labels, of)| (labels, of.time.clone()))),
        );
        let refusals = REFUSALS.iter().zip(&self.refusals);
        metrics.register(
            "cartwright_http_refusals",
            "Requests that were refused for now, with 429 or 503, by the code of the error",
            Table::new(refusals.map(|(code, counter)| (vec![("code", *code)], counter.clone()))),
        );
        metrics.register(
            "cartwright_http_pauses",
            "Times at which new connections were refused, as those there are had to wait too long",
            self.pauses.clone(),
        );
    }

    fn rows(&self) -> impl Iterator<Item = (Vec<(&'static str, &'static str)>, &RouteMeasures)> {
        let known = ENDPOINTS.iter().zip(&self.routes).map(|(endpoint, of)| {
            let labels = vec![
                ("method", endpoint.method.as_str()),
                ("route", endpoint.path),
            ];
            (labels, of)
        });
        let none = vec![("method", "other"), ("route", "unmatched")];
        known.chain([(none, &self.unmatched)])
    }
}
