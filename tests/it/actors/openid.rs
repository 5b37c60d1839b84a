//! The first login of a person whom an issuer vouches for, in all its order of three commits: the
//! link, the claim of the address, the account. Whatever comes between them, the person can log in
//! and is one user, and nobody else's account is touched.

use super::accounts::{accounts, claim_commit, email, login as login_with_password, register};
use crate::world::{World, all_quiet, first, in_order, reached, soon, user_commit};
use cartwright::actors::accounts::{AccountFailure, Accounts, Opened};
use cartwright::domain::account::Credential;
use cartwright::domain::identity::{Identity, Subject};
use cartwright::domain::ids::UserId;
use cartwright::store::fault::{Fault, FaultPlan, FaultyStore, Op};
use cartwright::store::{Change, Claims};
use futures::future::join_all;
use std::time::Duration;

type Matches = fn(&Op<'_>) -> bool;

fn link_commit(op: &Op<'_>) -> bool {
    matches!(op, Op::Commit(commit) if matches!(commit.change, Change::Subject(..)))
}

/// The three commits of a first login, in their order.
const STEPS: [Matches; 3] = [link_commit, claim_commit, user_commit];

fn subject() -> Subject {
    Subject::parse("https://issuer.example", "2482").unwrap()
}

/// The one person of these tests, with the address that they have now.
fn person(name: &str) -> Identity {
    Identity {
        subject: subject(),
        email: email(name),
        first_name: "Ann".into(),
        last_name: "Lee".into(),
    }
}

async fn enter(accounts: &Accounts, name: &str) -> Result<Opened, AccountFailure> {
    accounts.login_as(person(name), soon()).await
}

/// Whose account the person's is.
async fn linked(world: &World) -> Option<UserId> {
    let link = world.store.inner().subject(subject()).await.unwrap().value;
    link.map(|link| link.user_id)
}

/// Whose an address is.
async fn owner(world: &World, name: &str) -> Option<UserId> {
    let claim = world.store.inner().claim(email(name)).await.unwrap().value;
    claim.map(|claim| claim.user_id)
}

/// The node dies when it is about to commit this, and a successor takes over.
async fn crash_at(step: Matches) -> (World, Accounts) {
    let world = World::new().await;
    let node = accounts(&world);
    let pause = world.store.pause(step);
    let dying = tokio::spawn(async move { enter(&node, "ann").await.map(|_| ()) });
    reached(&pause).await;
    // What is held stays so.
    std::mem::forget(pause);
    world.kill();
    dying.abort();
    let successor = world.another(2).await;
    let accounts = accounts(&successor);
    (successor, accounts)
}

#[tokio::test(start_paused = true)]
async fn a_crash_before_the_link_leaves_nothing() {
    let (world, node) = crash_at(link_commit).await;
    assert_eq!(
        (linked(&world).await, owner(&world, "ann").await),
        (None, None)
    );
    let opened = enter(&node, "ann").await.unwrap();
    assert_eq!(linked(&world).await, Some(opened.account.id));
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_link_and_claim_is_completed_at_the_next_login() {
    for address in ["ann", "ann.lee"] {
        let (world, node) = crash_at(claim_commit).await;
        let id = linked(&world).await.unwrap();
        assert_eq!(owner(&world, "ann").await, None);
        let opened = enter(&node, address).await.unwrap();
        assert_eq!(
            (opened.account.id, &opened.roles[..]),
            (id, &["user".to_owned()][..])
        );
        assert_eq!(opened.account.profile.email, email(address));
        assert_eq!(owner(&world, address).await, Some(id));
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_claim_and_account_is_completed_at_the_next_login() {
    // Also when the address is another by then, even one that somebody else has.
    for address in ["ann", "ann.lee", "bob"] {
        let (world, node) = crash_at(user_commit).await;
        let id = linked(&world).await.unwrap();
        assert_eq!(owner(&world, "ann").await, Some(id));
        assert_eq!(world.stored(id).await.value.account, None);
        register(&node, "bob").await.unwrap();
        let opened = enter(&node, address).await.unwrap();
        assert_eq!(opened.account.id, id);
        let stored = world.stored(id).await.value.account.unwrap();
        assert_eq!(stored.profile.email, email("ann"));
        assert!(stored.profile.email_verified);
        assert_ne!(owner(&world, "bob").await, Some(id));
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_to_a_commit_the_person_is_one_user() {
    let late = Fault::Late(Duration::from_secs(2));
    for step in STEPS {
        for fault in [Fault::Refused, Fault::LostBefore, Fault::LostAfter, late] {
            for times in [1, 1_000] {
                let world = World::new().await;
                let node = accounts(&world);
                world.store.script(in_order(step, vec![fault; times]));
                let entered = enter(&node, "ann").await;
                assert_ne!(world.store.injected(), 0);
                world.store.script(|_| None);
                let again = enter(&node, "ann").await.unwrap();
                if let Ok(opened) = entered {
                    assert_eq!(opened.account.id, again.account.id);
                }
                all_quiet().await;
                assert_eq!(linked(&world).await, Some(again.account.id));
                assert_eq!(owner(&world, "ann").await, Some(again.account.id));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_many_times_at_once_is_one_user() {
    let world = World::new().await;
    let other = world.sibling(2).await;
    let nodes = [accounts(&world), accounts(&other)];
    let asks = (0..20).map(|number| enter(&nodes[number % 2], "ann"));
    let opened = join_all(asks).await;
    let id = linked(&world).await.unwrap();
    assert!(
        opened
            .iter()
            .all(|it| it.as_ref().unwrap().account.id == id)
    );
    assert_eq!(owner(&world, "ann").await, Some(id));
}

#[tokio::test(start_paused = true)]
async fn of_two_nodes_that_interleave_at_any_step_both_let_in_the_one_user() {
    for step in STEPS {
        let world = World::new().await;
        let (here, there) = (accounts(&world), accounts(&world.another(2).await));
        let pause = world.store.pause(first(step));
        let slow = tokio::spawn(async move { enter(&here, "ann").await });
        reached(&pause).await;
        let quick = enter(&there, "ann").await.unwrap();
        pause.release();
        let slow = slow.await.unwrap().unwrap();
        assert_eq!(slow.account.id, quick.account.id);
        assert_eq!(linked(&world).await, Some(quick.account.id));
    }
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_takes_the_address_first_keeps_it() {
    for step in [link_commit, claim_commit] {
        let world = World::new().await;
        let node = accounts(&world);
        let pause = world.store.pause(first(step));
        let slow = tokio::spawn({
            let node = node.clone();
            async move { enter(&node, "ann").await.map(|_| ()) }
        });
        reached(&pause).await;
        let registered = register(&node, "ann").await.unwrap();
        pause.release();
        for refused in [slow.await.unwrap(), enter(&node, "ann").await.map(|_| ())] {
            assert!(
                matches!(refused, Err(AccountFailure::EmailTaken)),
                "{refused:?}"
            );
        }
        let theirs = registered.account.id;
        assert_ne!(linked(&world).await, Some(theirs));
        let claim = world
            .store
            .inner()
            .claim(email("ann"))
            .await
            .unwrap()
            .value
            .unwrap();
        assert!(matches!(claim.credential, Credential::Password(_)));
        let login = login_with_password(&node, "ann").await.unwrap();
        assert_eq!(login.account.id, theirs);
        // With another address the person gets in, and is somebody else.
        let entered = enter(&node, "ann.lee").await.unwrap();
        assert_ne!(entered.account.id, theirs);
        assert_eq!(linked(&world).await, Some(entered.account.id));
    }
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_comes_second_does_not_get_the_address() {
    let world = World::new().await;
    let node = accounts(&world);
    let pause = world.store.pause(first(claim_commit));
    let slow = tokio::spawn({
        let node = node.clone();
        async move { register(&node, "ann").await.map(|_| ()) }
    });
    reached(&pause).await;
    let entered = enter(&node, "ann").await.unwrap();
    pause.release();
    let refused = slow.await.unwrap();
    assert!(matches!(refused, Err(AccountFailure::EmailTaken)));
    assert_eq!(owner(&world, "ann").await, Some(entered.account.id));
    let refused = login_with_password(&node, "ann").await;
    assert!(matches!(refused, Err(AccountFailure::InvalidCredentials)));
}

#[tokio::test(start_paused = true)]
async fn under_faults_of_every_kind_nobody_becomes_two() {
    for seed in 0..40 {
        let world = World::new().await;
        let faulty = |seed| {
            let memory = world.store.inner().clone();
            FaultyStore::new(memory, FaultPlan::seeded(seed, 25))
        };
        let here = world.beside(faulty(seed), 2).await;
        let there = world.beside(faulty(seed + 1_000), 3).await;
        let nodes = [accounts(&here), accounts(&there)];
        let mut ids = Vec::new();
        for _ in 0..3 {
            let asks = (0..6).map(|number| enter(&nodes[number % 2], "ann"));
            let entered = join_all(asks).await;
            ids.extend(entered.into_iter().flatten().map(|it| it.account.id));
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        ids.push(enter(&accounts(&world), "ann").await.unwrap().account.id);
        ids.dedup();
        assert_eq!(ids.len(), 1, "seed {seed}");
        assert_eq!(linked(&world).await, Some(ids[0]), "seed {seed}");
        assert_eq!(owner(&world, "ann").await, Some(ids[0]), "seed {seed}");
    }
}
