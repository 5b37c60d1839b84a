//! What is counted of one kind of actor.

use super::ActorMetrics;
use crate::actors::Failure;
use crate::cluster::{Answer, Unanswered};
use crate::metrics::{By, Counter, Gauge, Histogram, Metrics, Unit, labels};
use crate::store::resolve::Failure as CommitFailure;
use tokio::time::Instant;

/// What became of a command.
#[derive(Clone, Copy)]
pub(super) enum Outcome {
    Done,
    Rejected,
    Busy,
    Unavailable,
    Internal,
}

labels!(Outcome, "outcome",
    Done => "done",
    Rejected => "rejected",
    Busy => "busy",
    Unavailable => "unavailable",
    Internal => "internal",
);

/// What became of a commit.
#[derive(Clone, Copy)]
pub(super) enum Committed {
    Applied,
    Conflict,
    Unavailable,
    Undecided,
}

labels!(Committed, "outcome",
    Applied => "applied",
    Conflict => "conflict",
    Unavailable => "unavailable",
    Undecided => "undecided",
);

/// What became of a call to another node, or from one.
#[derive(Clone, Copy)]
pub(super) enum Called {
    Given,
    Elsewhere,
    Unreadable,
    NotSent,
    Refused,
    Unknown,
}

labels!(Called, "outcome",
    Given => "given",
    Elsewhere => "elsewhere",
    Unreadable => "unreadable",
    NotSent => "not_sent",
    Refused => "refused",
    Unknown => "unknown",
);

impl Outcome {
    fn of<T>(answer: &Result<T, Failure>) -> Self {
        match answer {
            Ok(_) => Self::Done,
            Err(Failure::Rejected(_)) => Self::Rejected,
            Err(Failure::Busy) => Self::Busy,
            Err(Failure::Unavailable) => Self::Unavailable,
            Err(Failure::Internal) => Self::Internal,
        }
    }
}

impl Committed {
    fn of(outcome: &Result<(), CommitFailure>) -> Self {
        match outcome {
            Ok(()) => Self::Applied,
            Err(CommitFailure::Conflict) => Self::Conflict,
            Err(CommitFailure::Unavailable(_)) => Self::Unavailable,
            Err(CommitFailure::Undecided) => Self::Undecided,
        }
    }
}

impl Called {
    fn of(answer: &Result<Answer, Unanswered>) -> Self {
        match answer {
            Ok(Answer::Given(_)) => Self::Given,
            Ok(Answer::Elsewhere { .. }) => Self::Elsewhere,
            Ok(Answer::Unreadable) => Self::Unreadable,
            Err(Unanswered::NotSent) => Self::NotSent,
            Err(Unanswered::Refused) => Self::Refused,
            Err(Unanswered::Unknown) => Self::Unknown,
        }
    }
}

/// Of the actors of one kind, at this node.
pub(crate) struct KindMetrics {
    pub(crate) started: Counter,
    pub(crate) passivated: Counter,
    /// Commands that were admitted and are not answered.
    pub(crate) admitted: Gauge,
    /// Those of them that no actor has read.
    pub(crate) unread: Gauge,
    commands: By<Outcome, Counter>,
    command_time: Histogram,
    commits: By<Committed, Counter>,
    commit_time: Histogram,
    commit_commands: Histogram,
    /// Commands decided again, as the state that they were decided on did not come to be.
    pub(crate) redone: Counter,
    /// Asked for here, and answered by what the same key did before.
    pub(crate) replayed: Counter,
    calls: By<Called, Counter>,
    call_time: Histogram,
    served: By<Called, Counter>,
}

impl Default for KindMetrics {
    fn default() -> Self {
        Self {
            started: Counter::default(),
            passivated: Counter::default(),
            admitted: Gauge::default(),
            unread: Gauge::default(),
            commands: By::default(),
            command_time: Histogram::of_times(),
            commits: By::default(),
            commit_time: Histogram::of_times(),
            commit_commands: Histogram::of_sizes(),
            redone: Counter::default(),
            replayed: Counter::default(),
            calls: By::default(),
            call_time: Histogram::of_times(),
            served: By::default(),
        }
    }
}

impl KindMetrics {
    /// A command was answered that was given at `begun`.
    pub(crate) fn commanded<T>(&self, begun: Instant, answer: &Result<T, Failure>) {
        self.command_time.took(begun.elapsed());
        self.commands.of(Outcome::of(answer)).inc();
    }

    /// Watches a commit of what so many commands change.
    pub(crate) async fn committing(
        &self,
        commands: usize,
        commit: impl Future<Output = Result<(), CommitFailure>>,
    ) -> Result<(), CommitFailure> {
        let begun = Instant::now();
        let outcome = commit.await;
        self.commit_time.took(begun.elapsed());
        self.commit_commands.held(commands);
        self.commits.of(Committed::of(&outcome)).inc();
        outcome
    }

    /// Watches a call to another node.
    pub(crate) async fn calling(
        &self,
        call: impl Future<Output = Result<Answer, Unanswered>>,
    ) -> Result<Answer, Unanswered> {
        let begun = Instant::now();
        let answer = call.await;
        self.call_time.took(begun.elapsed());
        self.calls.of(Called::of(&answer)).inc();
        answer
    }

    /// Another node's call was answered.
    pub(crate) fn served(&self, answer: &Result<Answer, Unanswered>) {
        self.served.of(Called::of(answer)).inc();
    }
}

pub(super) fn register(of: &ActorMetrics, metrics: &Metrics) {
    register_actors(of, metrics);
    register_commits(of, metrics);
    metrics.register(
        "cartwright_cluster_calls",
        "Calls to other nodes, by what they came to",
        of.each_by(|kind| &kind.calls),
    );
    metrics.register_in(
        Unit::Seconds,
        "cartwright_cluster_call_duration",
        "How long calls to other nodes took",
        of.each(|kind| &kind.call_time),
    );
    metrics.register(
        "cartwright_cluster_served_calls",
        "Calls of other nodes, by what they were answered",
        of.each_by(|kind| &kind.served),
    );
}

fn register_actors(of: &ActorMetrics, metrics: &Metrics) {
    metrics.register(
        "cartwright_actors_started",
        "Actors that were made",
        of.each(|kind| &kind.started),
    );
    metrics.register(
        "cartwright_actors_passivated",
        "Actors that were told to end, as more were resident than may be",
        of.each(|kind| &kind.passivated),
    );
    metrics.register(
        "cartwright_actor_commands",
        "Commands to actors, by what they were answered",
        of.each_by(|kind| &kind.commands),
    );
    metrics.register_in(
        Unit::Seconds,
        "cartwright_actor_command_duration",
        "How long answering a command took, waiting and commit included",
        of.each(|kind| &kind.command_time),
    );
    metrics.register(
        "cartwright_actor_commands_admitted",
        "Commands that were admitted and are not answered",
        of.each(|kind| &kind.admitted),
    );
    metrics.register(
        "cartwright_actor_mailbox_depth",
        "Commands that wait in mailboxes, read by no actor",
        of.each(|kind| &kind.unread),
    );
    metrics.register(
        "cartwright_actor_commands_redone",
        "Commands decided again, as the state that they were decided on did not come to be",
        of.each(|kind| &kind.redone),
    );
    metrics.register(
        "cartwright_idempotent_replays",
        "Requests of users answered by what their idempotency key did before",
        of.user.replayed.clone(),
    );
}

fn register_commits(of: &ActorMetrics, metrics: &Metrics) {
    metrics.register(
        "cartwright_commits",
        "Commits of actors, by what became of them",
        of.each_by(|kind| &kind.commits),
    );
    metrics.register_in(
        Unit::Seconds,
        "cartwright_commit_duration",
        "How long commits of actors took, until it was known what became of them",
        of.each(|kind| &kind.commit_time),
    );
    metrics.register(
        "cartwright_commit_commands",
        "How many commands one commit made durable: what output gate and folding bring",
        of.each(|kind| &kind.commit_commands),
    );
}
