//! Registration, login and the first administrator, with real passwords and tokens.

use crate::world::{World, all_quiet, first, in_order, soon, user_commit};
use cartwright::actors::accounts::{AccountFailure, Accounts, Means, Opened, Registration};
use cartwright::auth::access::AccessTokens;
use cartwright::auth::password::{Cost, Hasher, Limits};
use cartwright::auth::refresh::RefreshTokens;
use cartwright::auth::secret::Secret;
use cartwright::domain::access::admin_role;
use cartwright::domain::account::Email;
use cartwright::store::fault::{Fault, Op};
use cartwright::store::{Change, Claims, Store};
use futures::future::join_all;
use std::sync::Arc;

const PASSWORD: &str = "correct horse battery";

pub(super) fn accounts(world: &World<impl Store>) -> Accounts {
    let secret = Secret::parse("v8Qy2-Lr5Tn0wXz7KdJfGh3MbPcSaEu9").unwrap();
    let limits = Limits {
        workers: 2,
        queue: 200,
    };
    let hasher = Hasher::with_cost(limits, Cost::TRIVIAL, world.entropy.clone()).unwrap();
    Accounts::new(Means {
        store: Arc::new(world.store.clone()),
        sources: world.sources.clone(),
        users: world.users.clone(),
        hasher,
        access: Arc::new(AccessTokens::new(&secret, world.sources.clone())),
        refresh: RefreshTokens::new(&secret, world.entropy.clone()),
        administration: world.system.administration(),
        openid: None,
    })
}

pub(super) fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).unwrap()
}

fn registration(name: &str) -> Registration {
    Registration {
        email: email(name),
        password: PASSWORD.into(),
        first_name: "Ann".into(),
        last_name: "Lee".into(),
    }
}

pub(super) async fn register(accounts: &Accounts, name: &str) -> Result<Opened, AccountFailure> {
    accounts.register(registration(name), soon()).await
}

pub(super) async fn login(accounts: &Accounts, name: &str) -> Result<Opened, AccountFailure> {
    accounts
        .login(Some(email(name)), PASSWORD.into(), soon())
        .await
}

async fn administer(accounts: &Accounts, name: &str) -> Result<bool, AccountFailure> {
    accounts
        .ensure_administrator(registration(name), soon())
        .await
}

pub(super) fn claim_commit(op: &Op<'_>) -> bool {
    matches!(op, Op::Commit(commit) if matches!(commit.change, Change::Claim(..)))
}

#[tokio::test(start_paused = true)]
async fn a_registered_user_logs_in_refreshes_and_logs_out() {
    let world = World::new().await;
    let accounts = accounts(&world);
    let opened = register(&accounts, "ann").await.unwrap();
    assert_eq!(opened.roles, ["user"]);
    let again = login(&accounts, "ann").await.unwrap();
    assert_eq!(again.account.id, opened.account.id);
    let next = accounts
        .refresh(&again.refresh_token, soon())
        .await
        .unwrap();
    let reused = accounts.refresh(&again.refresh_token, soon()).await;
    assert!(matches!(
        reused,
        Err(AccountFailure::Failed(
            cartwright::actors::Failure::Rejected(
                cartwright::domain::user::Rejection::InvalidRefreshToken
            )
        ))
    ));
    accounts.logout(opened.account.id, 0, soon()).await.unwrap();
    assert!(accounts.refresh(&next.refresh_token, soon()).await.is_err());
    assert!(
        accounts
            .refresh(&opened.refresh_token, soon())
            .await
            .is_err()
    );
    assert!(
        accounts
            .profile(opened.account.id, 0, soon())
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_and_an_unknown_address_are_refused_alike() {
    let world = World::new().await;
    let accounts = accounts(&world);
    register(&accounts, "ann").await.unwrap();
    for (address, password) in [
        (Some(email("ann")), "wrong horse battery"),
        (Some(email("bob")), PASSWORD),
        (None, PASSWORD),
    ] {
        let refused = accounts.login(address, password.into(), soon()).await;
        assert!(matches!(refused, Err(AccountFailure::InvalidCredentials)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_has_one_account_whoever_asks_how_often() {
    let world = World::new().await;
    let accounts = accounts(&world);
    let asks = (0..20).map(|_| register(&accounts, "ann"));
    let answers = join_all(asks).await;
    let opened: Vec<_> = answers.iter().filter_map(|it| it.as_ref().ok()).collect();
    assert_eq!(opened.len(), 1);
    let taken = |it: &&Result<Opened, _>| matches!(it, Err(AccountFailure::EmailTaken));
    assert_eq!(answers.iter().filter(taken).count(), 19);
    let later = register(&accounts, "ann").await;
    assert!(matches!(later, Err(AccountFailure::EmailTaken)));
    let owner = login(&accounts, "ann").await.unwrap();
    assert_eq!(owner.account.id, opened[0].account.id);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_a_crash_left_without_is_completed_at_the_next_login() {
    let world = World::new().await;
    let node = accounts(&world);
    // The node dies between the claim and the account.
    let pause = world.store.pause(user_commit);
    let dying = tokio::spawn(async move { register(&node, "ann").await.map(|_| ()) });
    pause.reached(1).await;
    let claim = world.store.inner().claim(email("ann")).await.unwrap().value;
    let id = claim.unwrap().user_id;
    assert_eq!(world.stored(id).await.value.account, None);
    dying.abort();
    let successor = world.sibling(2).await;
    let accounts = accounts(&successor);
    let taken = tokio::spawn({
        let accounts = accounts.clone();
        async move { register(&accounts, "ann").await.map(|_| ()) }
    });
    let taken = taken.await.unwrap();
    assert!(matches!(taken, Err(AccountFailure::EmailTaken)));
    let login = tokio::spawn(async move { login(&accounts, "ann").await });
    pause.reached(2).await;
    pause.release();
    let opened = login.await.unwrap().unwrap();
    assert_eq!(
        (opened.account.id, &opened.roles[..]),
        (id, &["user".to_owned()][..])
    );
    all_quiet().await;
    // What the dead node had sent takes no effect twice: one account, whose sessions all live.
    assert_eq!(world.stored(id).await.value.account.unwrap().epoch, 0);
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_outcome_was_unknown_registers_all_the_same() {
    for fault in [Fault::LostAfter, Fault::LostBefore] {
        let world = World::new().await;
        let accounts = accounts(&world);
        world.store.script(in_order(claim_commit, [fault]));
        let opened = register(&accounts, "ann").await.unwrap();
        assert_eq!(world.store.injected(), 1);
        let owner = login(&accounts, "ann").await.unwrap();
        assert_eq!(owner.account.id, opened.account.id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_the_store_refuses_leaves_the_address_free() {
    let world = World::new().await;
    let accounts = accounts(&world);
    world.store.script(in_order(claim_commit, [Fault::Refused]));
    let failed = register(&accounts, "ann").await;
    assert!(matches!(failed, Err(AccountFailure::Failed(_))));
    register(&accounts, "ann").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_first_administrator_is_made_once() {
    let world = World::new().await;
    let node = accounts(&world);
    for _ in 0..3 {
        assert!(administer(&node, "root").await.unwrap());
    }
    let opened = login(&node, "root").await.unwrap();
    assert_eq!(opened.roles, ["admin", "user"]);
    let known = world.store.inner().administrators().await.unwrap();
    assert_eq!(known.value, [opened.account.id].into());
    assert_eq!(known.version, 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_administrator_is_made_by_whichever_node_is_first() {
    let world = World::new().await;
    let other = world.sibling(2).await;
    let (here, there) = (accounts(&world), accounts(&other));
    let pause = world.store.pause(first(claim_commit));
    let slow = tokio::spawn(async move { administer(&here, "root").await });
    pause.reached(1).await;
    assert!(administer(&there, "root").await.unwrap());
    pause.release();
    assert!(slow.await.unwrap().unwrap());
    let known = world.store.inner().administrators().await.unwrap().value;
    assert_eq!(known.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_administrator_that_a_crash_left_half_made_is_completed() {
    let is_list = |op: &Op<'_>| matches!(op, Op::Commit(commit) if matches!(commit.change, Change::Administrators(_)));
    for lost in [user_commit as fn(&Op<'_>) -> bool, is_list] {
        let world = World::new().await;
        let accounts = accounts(&world);
        world.store.script(in_order(lost, [Fault::Refused]));
        assert!(administer(&accounts, "root").await.is_err());
        assert!(administer(&accounts, "root").await.unwrap());
        let opened = login(&accounts, "root").await.unwrap();
        assert!(opened.account.roles.contains(&admin_role()));
        let known = world.store.inner().administrators().await.unwrap().value;
        assert!(known.contains(&opened.account.id));
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_account_is_not_made_an_administrator() {
    let world = World::new().await;
    let accounts = accounts(&world);
    register(&accounts, "root").await.unwrap();
    assert!(!administer(&accounts, "root").await.unwrap());
    assert_eq!(login(&accounts, "root").await.unwrap().roles, ["user"]);
    let known = world.store.inner().administrators().await.unwrap().value;
    assert!(known.is_empty());
}
