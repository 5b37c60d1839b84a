//! A commit that carries several requests is told of in the traces of all.

use super::Tracing;
use crate::world::{World, add, all_quiet, commit_of};
use cartwright::domain::ids::UserId;
use cartwright::domain::user::Request;
use cartwright::telemetry::traces::{REQUEST, TRACED};
use opentelemetry::trace::SpanContext;
use std::collections::BTreeSet;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// A request of its own that adds a shirt, beside the test.
fn adding(world: &World, user: UserId) -> JoinHandle<()> {
    let users = world.users.clone();
    let span = tracing::error_span!(target: TRACED, REQUEST);
    let asked = async move {
        let request = Request::of(add("shirt", 1), 0);
        let reply = users.ask(user, request, crate::world::soon()).await;
        reply.unwrap();
    };
    tokio::spawn(asked.instrument(span))
}

#[tokio::test(start_paused = true)]
async fn a_commit_is_below_the_first_request_and_linked_with_the_others() {
    let tracing = Tracing::of("1");
    let world = World::new().await;
    let user = world.user().await;
    let pause = world.store.pause(commit_of(user));
    let first = adding(&world, user);
    pause.reached(1).await;
    let others = [(); 3].map(|()| adding(&world, user));
    all_quiet().await;
    pause.release();
    first.await.unwrap();
    for other in others {
        other.await.unwrap();
    }
    let (spans, _) = tracing.end();

    let commits: Vec<_> = spans.named("user.commit").collect();
    let [alone, shared] = commits[..] else {
        panic!("two commits, not {}", commits.len());
    };
    assert_eq!(alone.links.len(), 0);
    let context_of = |of: &SpanContext| (of.trace_id(), of.span_id());
    let linked: BTreeSet<_> = shared
        .links
        .iter()
        .map(|link| context_of(&link.span_context))
        .map(|id| format!("{id:?}"))
        .collect();
    let commands = spans.named("user.command");
    let rest: BTreeSet<_> = commands
        .filter(|command| command.span_context.span_id() != shared.parent_span_id)
        .filter(|command| command.span_context.span_id() != alone.parent_span_id)
        .inspect(|command| {
            let back = &command.links[0].span_context;
            assert_eq!(context_of(back), context_of(&shared.span_context));
        })
        .map(|command| format!("{:?}", context_of(&command.span_context)))
        .collect();
    assert_eq!((rest.len(), linked), (2, rest));
}

#[tokio::test(start_paused = true)]
async fn a_command_ends_when_it_is_answered() {
    let tracing = Tracing::of("1");
    let world = World::new().await;
    let user = world.user().await;
    adding(&world, user).await.unwrap();
    let (spans, _) = tracing.end();
    let command = spans.named("user.command").next().unwrap();
    let commit = spans.named("user.commit").next().unwrap();
    assert!(command.end_time >= commit.end_time);
    assert_eq!(spans.named("stock.command").count(), 1);
    let fold = spans.named("stock.fold").next().unwrap();
    assert_eq!(
        spans.above(fold).0[1..],
        ["stock.command", "user.command", REQUEST]
    );
}
