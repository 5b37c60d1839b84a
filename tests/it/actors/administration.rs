//! Whoever is counted among the administrators is an active one, whatever happens at once and
//! whatever the store does.

use crate::world::{World, soon};
use cartwright::actors::administration::{Administration, RoleRef};
use cartwright::domain::access::{admin_role, user_role};
use cartwright::domain::ids::{RoleId, UserId};
use cartwright::store::Store;
use cartwright::store::fault::{Fault, FaultyStore, Op};
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::sleep;

fn an_admins() -> BTreeSet<RoleId> {
    BTreeSet::from([admin_role(), user_role()])
}

/// Of what is durable now; the store in memory answers at once, so that nothing comes between.
async fn check(store: &FaultyStore<impl Store>, context: &str) {
    let counted = store.inner().administrators().await.unwrap().value;
    assert!(!counted.is_empty(), "{context}: nobody is left");
    for user in counted {
        let account = store.inner().user(user).await.unwrap().value.account;
        let account = account.unwrap();
        let is_one = account.active && account.roles.contains(&admin_role());
        assert!(is_one, "{context}: {user} counts and is none");
    }
}

fn fail_at_random(store: &FaultyStore<impl Store>, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    store.script(move |op| {
        let (luck, kind) = (random.random_range(0..100), random.random_range(0..6));
        let delay = Duration::from_millis(random.random_range(0..400));
        let fault = match (kind, op) {
            (0, Op::Commit(_)) => Fault::Refused,
            (1, Op::Commit(_)) => Fault::LostBefore,
            (2, Op::Commit(_)) => Fault::LostAfter,
            (3, Op::Commit(_)) => Fault::Late(delay),
            _ => Fault::Slow(delay),
        };
        (luck < 40).then_some(fault)
    });
}

/// Does something to one of the users. What comes of it may be anything but a broken promise.
async fn act(administration: &Administration, users: &[UserId], random: &mut StdRng) -> bool {
    let (by, user) = (an_admins(), users[random.random_range(0..users.len())]);
    let done = match random.random_range(0..4) {
        0 => {
            let role = RoleRef::Id(admin_role());
            administration.assign(&by, user, &role, soon()).await
        }
        1 => administration.remove(&by, user, admin_role(), soon()).await,
        kind => {
            let changed = administration.set_active(&by, user, kind == 2, soon());
            changed.await.map(drop)
        }
    };
    done.is_ok()
}

#[tokio::test(start_paused = true)]
async fn who_is_counted_is_an_active_administrator() {
    let (mut done, mut refused) = (0, 0);
    for seed in 0..40 {
        let world = World::new().await;
        let administration = world.system.administration();
        let users = [world.user().await, world.user().await, world.user().await];
        let (by, role) = (an_admins(), RoleRef::Id(admin_role()));
        let first = administration.assign(&by, users[0], &role, soon());
        first.await.unwrap();
        fail_at_random(&world.store, seed);
        let clerk = |number: u64| {
            let (world, administration) = (&world, &administration);
            let mut random = StdRng::seed_from_u64(seed * 100 + number);
            async move {
                let mut done = Vec::new();
                for _ in 0..8 {
                    done.push(act(administration, &users, &mut random).await);
                    check(&world.store, &format!("seed {seed}")).await;
                }
                done
            }
        };
        let outcomes = join_all((0..4).map(clerk)).await.concat();
        done += outcomes.iter().filter(|done| **done).count();
        refused += outcomes.iter().filter(|done| !**done).count();
        world.store.script(|_| None);
        // Until the last late write has come.
        sleep(Duration::from_secs(2)).await;
        check(&world.store, &format!("seed {seed}, at the end")).await;
        world.system.stop(soon()).await;
    }
    assert!(done > 200 && refused > 50, "{done} done, {refused} refused");
}
