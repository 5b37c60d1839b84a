//! Sessions: a refresh token is good once, and no session outlives its end.

use crate::world::{World, view};
use cartwright::actors::Failure;
use cartwright::actors::user::{AccountView, Reply};
use cartwright::domain::account::{Account, Claim, Credential, Email, MAX_SESSIONS, Profile};
use cartwright::domain::ids::{FamilyId, UserId};
use cartwright::domain::user::{Command, Rejection, Request};
use futures::future::join_all;
use std::collections::BTreeSet;
use std::time::Duration;
use uuid::Uuid;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The hash that stands for the token of a generation.
fn hash(generation: u32) -> [u8; 32] {
    [u8::try_from(generation).unwrap(); 32]
}

async fn refresh_as(
    world: &World,
    user: UserId,
    generation: u32,
    next_hash: [u8; 32],
) -> Result<AccountView, Failure> {
    let command = Command::Refresh {
        family: FamilyId(user.0),
        generation,
        token_hash: hash(generation),
        next_hash,
    };
    let reply = world.ask(user, Request::anonymous(command)).await?;
    reply.into_account()
}

/// Exchanges the token of `generation` of the user's first session for the next one.
async fn refresh(world: &World, user: UserId, generation: u32) -> Result<AccountView, Failure> {
    refresh_as(world, user, generation, hash(generation + 1)).await
}

fn is_refused<T>(answer: &Result<T, Failure>) -> bool {
    matches!(
        answer,
        Err(Failure::Rejected(Rejection::InvalidRefreshToken))
    )
}

fn login(user: UserId, family: u128) -> Request {
    let profile = Profile {
        email: Email::parse("ann@example.com").unwrap(),
        first_name: "Ann".into(),
        last_name: "Lee".into(),
        email_verified: false,
        created_at: cartwright::domain::time::Timestamp(0),
    };
    let claim = Claim {
        user_id: user,
        credential: Credential::Password("none".into()),
        profile,
        roles: BTreeSet::new(),
    };
    Request::anonymous(Command::OpenSession {
        claim: Box::new(claim),
        family: FamilyId(Uuid::from_u128(family)),
        token_hash: hash(0),
    })
}

async fn account(world: &World, user: UserId) -> Account {
    world.stored(user).await.value.account.unwrap()
}

async fn logout(world: &World, user: UserId) -> Result<Reply, Failure> {
    world.ask(user, Request::of(Command::Logout, 0)).await
}

#[tokio::test(start_paused = true)]
async fn each_token_is_exchanged_once_for_the_next() {
    let world = World::new().await;
    let user = world.user().await;
    for generation in 0..20 {
        world.clock.advance(Duration::from_secs(60));
        refresh(&world, user, generation).await.unwrap();
    }
    let owner = world.sibling(2).await;
    refresh(&owner, user, 20).await.unwrap();
    assert_eq!(account(&world, user).await.sessions.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_token_before_is_merely_refused_for_ten_seconds() {
    let world = World::new().await;
    let user = world.user().await;
    refresh(&world, user, 0).await.unwrap();
    let before = account(&world, user).await;
    for wait in [0, 10] {
        world.clock.advance(Duration::from_secs(wait));
        assert!(is_refused(&refresh(&world, user, 0).await));
        assert_eq!(account(&world, user).await, before);
    }
    refresh(&world, user, 1).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_token_before_ends_the_session_after_ten_seconds() {
    let world = World::new().await;
    let user = world.user().await;
    refresh(&world, user, 0).await.unwrap();
    world.clock.advance(Duration::from_millis(10_001));
    assert!(is_refused(&refresh(&world, user, 0).await));
    assert!(account(&world, user).await.sessions.is_empty());
    assert!(is_refused(&refresh(&world, user, 1).await));
    // Of this session alone: access tokens, and other sessions, go on.
    assert!(world.ask(user, view()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_older_token_ends_its_session_at_once_and_no_other() {
    let world = World::new().await;
    let user = world.user().await;
    world.ask(user, login(user, 5)).await.unwrap();
    refresh(&world, user, 0).await.unwrap();
    refresh(&world, user, 1).await.unwrap();
    assert!(is_refused(&refresh(&world, user, 0).await));
    assert!(is_refused(&refresh(&world, user, 2).await));
    let left = account(&world, user).await.sessions;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].family, FamilyId(Uuid::from_u128(5)));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_the_sessions_is_refused_and_harms_nothing() {
    let world = World::new().await;
    let user = world.user().await;
    let before = account(&world, user).await;
    let command = Command::Refresh {
        family: FamilyId(user.0),
        generation: 0,
        token_hash: [99; 32],
        next_hash: hash(1),
    };
    let forged = world.ask(user, Request::anonymous(command)).await;
    assert!(is_refused(&forged));
    assert!(is_refused(&refresh(&world, user, 1).await));
    assert_eq!(account(&world, user).await, before);
    refresh(&world, user, 0).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn of_a_hundred_refreshes_at_once_one_wins_and_its_token_is_good() {
    let world = World::new().await;
    let other = world.sibling(2).await;
    let user = world.user().await;
    let asks = (0..100_u8).map(|at| {
        let owner = if at % 2 == 0 { &world } else { &other };
        async move { refresh_as(owner, user, 0, [at + 100; 32]).await.map(|_| at) }
    });
    let answers = join_all(asks).await;
    let winners: Vec<u8> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().ok().copied())
        .collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(
        answers.iter().filter(|answer| is_refused(answer)).count(),
        99
    );
    let next = Command::Refresh {
        family: FamilyId(user.0),
        generation: 1,
        token_hash: [winners[0] + 100; 32],
        next_hash: hash(2),
    };
    world.ask(user, Request::anonymous(next)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn logout_voids_access_tokens_and_sessions() {
    let world = World::new().await;
    let user = world.user().await;
    world.ask(user, login(user, 5)).await.unwrap();
    logout(&world, user).await.unwrap();
    let refused = world.ask(user, view()).await;
    assert!(matches!(
        refused,
        Err(Failure::Rejected(Rejection::Unauthenticated))
    ));
    assert!(is_refused(&refresh(&world, user, 0).await));
    assert!(account(&world, user).await.sessions.is_empty());
    // A new login works, under a new epoch.
    let reply = world.ask(user, login(user, 6)).await.unwrap();
    assert_eq!(reply.into_account().unwrap().epoch, 1);
    let anew = Request::of(Command::ViewCart, 1);
    assert!(world.ask(user, anew).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_refresh_that_races_with_a_logout_outlives_it() {
    for owners in 1..=2 {
        let world = World::new().await;
        let user = world.user().await;
        let other = world.sibling(2).await;
        let second = if owners == 1 { &world } else { &other };
        let (refreshed, ended) = tokio::join!(refresh(&world, user, 0), logout(second, user));
        ended.unwrap();
        // Won or not: neither its refresh token nor an access token of its epoch is good.
        assert!(is_refused(&refresh(&world, user, 1).await));
        if let Ok(account) = refreshed {
            let stale = Request::of(Command::ViewAccount, account.epoch);
            assert!(second.ask(user, stale).await.is_err());
        }
        assert!(account(&world, user).await.sessions.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn one_session_too_many_ends_the_oldest() {
    let world = World::new().await;
    let user = world.user().await;
    for family in 1..MAX_SESSIONS {
        world.ask(user, login(user, family as u128)).await.unwrap();
    }
    refresh(&world, user, 0).await.unwrap();
    assert_eq!(account(&world, user).await.sessions.len(), MAX_SESSIONS);
    world.ask(user, login(user, 1_000)).await.unwrap();
    let sessions = account(&world, user).await.sessions;
    assert_eq!(sessions.len(), MAX_SESSIONS);
    assert_eq!(sessions[0].family, FamilyId(Uuid::from_u128(1)));
    assert!(is_refused(&refresh(&world, user, 1).await));
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_thirty_days_after_its_login_however_often_it_is_refreshed() {
    let world = World::new().await;
    let user = world.user().await;
    for day in 0..29 {
        world.clock.advance(DAY);
        refresh(&world, user, day).await.unwrap();
    }
    world.clock.advance(DAY - Duration::from_millis(1));
    refresh(&world, user, 29).await.unwrap();
    world.clock.advance(Duration::from_millis(1));
    assert!(is_refused(&refresh(&world, user, 30).await));
    // The next login sweeps it away.
    world.ask(user, login(user, 5)).await.unwrap();
    assert_eq!(account(&world, user).await.sessions.len(), 1);
}
