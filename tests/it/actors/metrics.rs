//! What is counted of actors where things go wrong, move, or are another node's.

use super::routing::Shop;
use crate::figures::Figures;
use crate::world::{World, add, all_quiet, commit_of, first, in_order, view};
use cartwright::actors::{Bounds, Failure};
use cartwright::domain::ids::UserId;
use cartwright::domain::user::Request;
use cartwright::metrics::Metrics;
use cartwright::store::fault::{Fault, FaultPlan};
use futures::future::join_all;
use std::iter;
use std::time::Duration;

fn figures(metrics: &Metrics) -> Figures {
    Figures::of(&metrics.render().unwrap())
}

fn adding() -> Request {
    Request::of(add("shirt", 1), 0)
}

/// The growth of each series while `work` is done.
async fn assert_growth<T>(
    metrics: &Metrics,
    work: impl Future<Output = T>,
    expected: &[(&str, f64)],
) -> T {
    let before = figures(metrics);
    let done = work.await;
    let after = figures(metrics);
    for (series, growth) in expected {
        assert_eq!(after.growth(&before, series), *growth, "{series}");
    }
    done
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_counted_with_what_is_decided_again() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 1).await.unwrap();
    let other = world.sibling(2).await;
    other.add(user, "mug", 1).await.unwrap();
    let adding = world.add(user, "shirt", 1);
    let expected = [
        (
            r#"cartwright_commits_total{kind="user",outcome="conflict"}"#,
            1.0,
        ),
        (
            r#"cartwright_commits_total{kind="user",outcome="applied"}"#,
            1.0,
        ),
        (
            r#"cartwright_actor_commands_redone_total{kind="user"}"#,
            1.0,
        ),
        (
            r#"cartwright_actor_commands_total{kind="user",outcome="done"}"#,
            1.0,
        ),
    ];
    assert_growth(&world.metrics, adding, &expected)
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_item_is_asked_what_is_available_when_that_is_not_known_of_the_last_two_seconds() {
    let world = World::new().await;
    let user = world.user().await;
    let asked = r#"cartwright_actor_commands_total{kind="stock",outcome="done"}"#;
    for (pause_ms, growth) in [(0, 1.0), (0, 0.0), (1_999, 0.0), (2, 1.0), (0, 0.0)] {
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        let adding = world.add(user, "shirt", 1);
        assert_growth(&world.metrics, adding, &[(asked, growth)])
            .await
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_stays_unknown_is_counted() {
    let world = World::new().await;
    let user = world.user().await;
    let lost = iter::repeat_n(Fault::LostBefore, 10_000);
    world.store.script(in_order(commit_of(user), lost));
    let expected = [
        (
            r#"cartwright_commits_total{kind="user",outcome="undecided"}"#,
            1.0,
        ),
        (
            r#"cartwright_commits_total{kind="user",outcome="applied"}"#,
            0.0,
        ),
        (
            r#"cartwright_actor_commands_total{kind="user",outcome="unavailable"}"#,
            1.0,
        ),
    ];
    let asked = assert_growth(&world.metrics, world.ask(user, adding()), &expected).await;
    assert_eq!(asked.unwrap_err(), Failure::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn what_gathers_behind_a_commit_is_one_commit_of_many_commands() {
    let world = World::new().await;
    let user = world.user().await;
    // Its stock figure is there already.
    world.add(user, "shirt", 1).await.unwrap();
    let gathering = async {
        let pause = world.store.pause(first(commit_of(user)));
        let carried = world.spawn(user, adding());
        pause.reached(1).await;
        let gathered: Vec<_> = (0..9).map(|_| world.spawn(user, adding())).collect();
        all_quiet().await;
        pause.release();
        carried.await.unwrap().unwrap();
        for gathered in join_all(gathered).await {
            gathered.unwrap().unwrap();
        }
    };
    let expected = [
        (r#"cartwright_commit_commands_count{kind="user"}"#, 2.0),
        (r#"cartwright_commit_commands_sum{kind="user"}"#, 10.0),
        (
            r#"cartwright_commit_commands_bucket{le="1.0",kind="user"}"#,
            1.0,
        ),
        (
            r#"cartwright_actor_commands_total{kind="user",outcome="done"}"#,
            10.0,
        ),
    ];
    assert_growth(&world.metrics, gathering, &expected).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_passivated_is_counted_and_no_longer_resident() {
    let bounds = Bounds {
        waiting: 128,
        residents: 20,
    };
    let world = World::with(FaultPlan::NONE, bounds).await;
    let users: Vec<UserId> = join_all((0..40).map(|_| world.user())).await;
    let resident = r#"cartwright_actors_resident{kind="user"}"#;
    assert_eq!(figures(&world.metrics).get(resident), 40.0);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let after = figures(&world.metrics);
    let passivated = after.get(r#"cartwright_actors_passivated_total{kind="user"}"#);
    assert!(passivated >= 20.0, "{passivated}");
    assert_eq!(after.get(resident), 40.0 - passivated);
    let started = [(
        r#"cartwright_actors_started_total{kind="user"}"#,
        passivated,
    )];
    let asking = join_all(users.iter().map(|user| world.ask(*user, view())));
    for asked in assert_growth(&world.metrics, asking, &started).await {
        asked.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_for_one_actor_are_counted_as_busy() {
    let bounds = Bounds {
        waiting: 3,
        residents: 20,
    };
    let world = World::with(FaultPlan::NONE, bounds).await;
    let user = world.user().await;
    let asking = join_all((0..8).map(|_| world.ask(user, view())));
    let expected = [
        (
            r#"cartwright_actor_commands_total{kind="user",outcome="busy"}"#,
            5.0,
        ),
        (
            r#"cartwright_actor_commands_total{kind="user",outcome="done"}"#,
            3.0,
        ),
        (r#"cartwright_actor_commands_admitted{kind="user"}"#, 0.0),
    ];
    assert_growth(&world.metrics, asking, &expected).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_to_another_node_is_counted_at_both() {
    let shop = Shop::of(2).await;
    let user = shop.user_at(1).await;
    let (here, there) = (&shop.nodes[0], &shop.nodes[1]);
    let before = [figures(&here.metrics), figures(&there.metrics)];
    for _ in 0..2 {
        here.ask(user, view()).await.unwrap();
    }
    let after = [figures(&here.metrics), figures(&there.metrics)];
    for (node, series, growth) in [
        (
            0,
            r#"cartwright_cluster_calls_total{kind="user",outcome="given"}"#,
            2.0,
        ),
        (
            0,
            r#"cartwright_cluster_call_duration_seconds_count{kind="user"}"#,
            2.0,
        ),
        (
            0,
            r#"cartwright_cluster_served_calls_total{kind="user",outcome="given"}"#,
            0.0,
        ),
        (
            0,
            r#"cartwright_actor_commands_total{kind="user",outcome="done"}"#,
            0.0,
        ),
        (
            1,
            r#"cartwright_cluster_served_calls_total{kind="user",outcome="given"}"#,
            2.0,
        ),
        (
            1,
            r#"cartwright_actor_commands_total{kind="user",outcome="done"}"#,
            2.0,
        ),
        (
            1,
            r#"cartwright_cluster_calls_total{kind="user",outcome="given"}"#,
            0.0,
        ),
    ] {
        let grew = after[node].growth(&before[node], series);
        assert_eq!(grew, growth, "{series} at {node}");
    }
}
