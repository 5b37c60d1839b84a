//! A node that dies at any step of a registration: the claim of the address decides. Before it
//! nothing has happened; after it the account is there, or is completed at the next login.

use super::accounts::{accounts, claim_commit, email, login, register};
use super::checkout_crash::{Side, die};
use crate::world::{World, reached, user_commit};
use cartwright::actors::accounts::AccountFailure;
use cartwright::store::Store;
use cartwright::store::fault::Op;

crash_tests!(
    a_crash_before_the_address_is_claimed_leaves_it_free,
    a_crash_after_the_address_is_claimed_leaves_an_account_to_complete,
    a_crash_before_the_account_is_written_leaves_it_to_complete,
    a_crash_after_the_account_is_written_keeps_it,
);

/// A node dies while it registers Ann; another takes its place. `claimed`: whether the address is
/// hers by then.
async fn dies(
    world: World<impl Store>,
    side: Side,
    matches: fn(&Op<'_>) -> bool,
    claimed: bool,
    written: bool,
) {
    let death = die(&world.store, side, 1, matches);
    let node = accounts(&world);
    let asked = tokio::spawn(async move { register(&node, "ann").await.map(drop) });
    reached(&death).await;
    asked.abort();
    std::mem::forget(death);
    let claim = world.store.inner().claim(email("ann")).await.unwrap().value;
    assert_eq!(claim.is_some(), claimed);
    if let Some(claim) = &claim {
        let stored = world.stored(claim.user_id).await;
        assert_eq!(stored.value.account.is_some(), written);
    }

    let successor = world.another(2).await;
    let accounts = accounts(&successor);
    let opened = login(&accounts, "ann").await;
    assert_eq!(opened.is_ok(), claimed);
    let registered = register(&accounts, "ann").await;
    match (&registered, claimed) {
        (Ok(_), false) | (Err(AccountFailure::EmailTaken), true) => {}
        _ => panic!("claimed: {claimed}, registered: {}", registered.is_ok()),
    }
    let id = opened.or(registered).unwrap().account.id;
    assert!(claim.is_none_or(|claim| claim.user_id == id));
    let again = login(&accounts, "ann").await.unwrap();
    assert_eq!(
        (again.account.id, &again.roles[..]),
        (id, &["user".to_owned()][..])
    );
}

async fn a_crash_before_the_address_is_claimed_leaves_it_free(world: World<impl Store>) {
    dies(world, Side::Before, claim_commit, false, false).await;
}

async fn a_crash_after_the_address_is_claimed_leaves_an_account_to_complete(
    world: World<impl Store>,
) {
    dies(world, Side::After, claim_commit, true, false).await;
}

async fn a_crash_before_the_account_is_written_leaves_it_to_complete(world: World<impl Store>) {
    dies(world, Side::Before, user_commit, true, false).await;
}

async fn a_crash_after_the_account_is_written_keeps_it(world: World<impl Store>) {
    dies(world, Side::After, user_commit, true, true).await;
}
