//! There is always an administrator.

use super::{Office, Person, code, log_in};
use crate::app::TestApp;
use cartwright::domain::ids::UserId;
use cartwright::sources::SystemClock;
use cartwright::store::fault::{Fault, FaultPlan, FaultyStore, Op};
use cartwright::store::memory::MemoryStore;
use cartwright::store::{Claims, Partition};
use std::collections::BTreeSet;
use std::sync::Arc;

type Store = FaultyStore<MemoryStore>;

async fn office() -> (Office, Store) {
    let store = FaultyStore::new(MemoryStore::new(Arc::new(SystemClock)), FaultPlan::NONE);
    let app = TestApp::over(Arc::new(store.clone()), &super::ADMIN_FLAGS).await;
    (Office::over(app).await, store)
}

fn id(of: &Person) -> UserId {
    UserId::parse(&of.id).unwrap()
}

/// Refuses every commit to this partition, or none.
fn refuse(store: &Store, partition: Option<Partition>) {
    store.script(move |op| match op {
        Op::Commit(commit) if Some(commit.change.partition()) == partition => Some(Fault::Refused),
        _ => None,
    });
}

async fn counted(store: &Store) -> BTreeSet<UserId> {
    store.inner().administrators().await.unwrap().value
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let office = Office::open().await;
    let root = &office.root;
    let removed = office.remove(root, root, "admin").await;
    assert_eq!(code(&removed), (409, "last_administrator"));
    let deactivated = office.set_active(root, root, false).await;
    assert_eq!(code(&deactivated), (409, "last_administrator"));
    // One who may not log in does not count.
    let other = office.staff("oth", "admin").await;
    assert_eq!(office.set_active(root, &other, false).await.0, 200);
    assert_eq!(
        code(&office.remove(root, root, "admin").await),
        (409, "last_administrator")
    );
    assert_eq!(office.set_active(root, &other, true).await.0, 200);
    assert_eq!(office.remove(root, root, "admin").await.0, 204);
    let other = log_in(&office.app, &other.email).await;
    let removed = office.remove(&other, &other, "admin").await;
    assert_eq!(code(&removed), (409, "last_administrator"));
}

#[tokio::test]
async fn of_two_who_take_the_role_from_each_other_one_keeps_it() {
    let (office, store) = office().await;
    let mut both = [office.root.clone(), office.staff("oth", "admin").await];
    for round in 0..8 {
        let [a, b] = &both;
        let (of_b, of_a) = if round % 2 == 0 {
            tokio::join!(office.remove(a, b, "admin"), office.remove(b, a, "admin"))
        } else {
            tokio::join!(
                office.set_active(a, b, false),
                office.set_active(b, a, false)
            )
        };
        let done = [&of_b, &of_a].map(|answer| answer.0.is_success());
        assert_eq!(
            done.iter().filter(|done| **done).count(),
            1,
            "{of_b:?} {of_a:?}"
        );
        let (winner, loser) = if done[0] { (a, b) } else { (b, a) };
        assert_eq!(counted(&store).await, BTreeSet::from([id(winner)]));
        let restored = if round % 2 == 0 {
            office.assign(winner, loser, "admin").await
        } else {
            office.set_active(winner, loser, true).await
        };
        assert_eq!(restored.0, 200);
        let loser = log_in(&office.app, &loser.email).await;
        both = [winner.clone(), loser];
    }
}

#[tokio::test]
async fn a_crash_within_a_removal_leaves_one_too_few_counted_and_repeating_it_repairs() {
    let (office, store) = office().await;
    let root = &office.root;
    let other = office.staff("oth", "admin").await;
    refuse(&store, Some(Partition::User(id(&other))));
    assert_eq!(office.remove(root, &other, "admin").await.0, 503);
    refuse(&store, None);
    assert_eq!(counted(&store).await, BTreeSet::from([id(root)]));
    assert_eq!(office.get(&other, "/roles").await.0, 200);
    // The other may still be one, but nobody may rely on it.
    assert_eq!(
        code(&office.remove(&other, root, "admin").await),
        (409, "last_administrator")
    );
    assert_eq!(office.remove(root, &other, "admin").await.0, 204);
    assert_eq!(office.get(&other, "/roles").await.0, 401);
}

#[tokio::test]
async fn a_crash_within_an_assignment_or_a_reactivation_is_repaired_by_repeating_it() {
    let (office, store) = office().await;
    let (root, other) = (&office.root, office.user("oth").await);
    refuse(&store, Some(Partition::Administrators));
    assert_eq!(office.assign(root, &other, "admin").await.0, 503);
    refuse(&store, None);
    assert_eq!(counted(&store).await.len(), 1);
    assert_eq!(office.assign(root, &other, "admin").await.0, 200);
    assert_eq!(
        counted(&store).await,
        BTreeSet::from([id(root), id(&other)])
    );

    assert_eq!(office.set_active(root, &other, false).await.0, 200);
    refuse(&store, Some(Partition::Administrators));
    assert_eq!(office.set_active(root, &other, true).await.0, 503);
    refuse(&store, None);
    assert_eq!(counted(&store).await.len(), 1);
    assert_eq!(office.set_active(root, &other, true).await.0, 200);
    assert_eq!(counted(&store).await.len(), 2);
}

#[tokio::test]
async fn a_grant_and_a_removal_of_one_user_at_once_count_nobody_who_is_none() {
    let (office, store) = office().await;
    let (root, other) = (&office.root, office.user("oth").await);
    // The assignment is held where it would count the other; the removal comes in between.
    let hold = store.pause(|op| match op {
        Op::Commit(commit) => commit.change.partition() == Partition::Administrators,
        _ => false,
    });
    let removing = async {
        hold.reached(1).await;
        let mut removal = std::pin::pin!(office.remove(root, &other, "admin"));
        tokio::select! {
            answer = &mut removal => answer,
            () = hold.reached(2) => {
                hold.release();
                removal.await
            }
        }
    };
    let (assigned, removed) = tokio::join!(office.assign(root, &other, "admin"), removing);
    assert_eq!((assigned.0.as_u16(), removed.0.as_u16()), (200, 204));
    let is_admin = office.role_names(&other).await[0] == "admin";
    assert_eq!(counted(&store).await.contains(&id(&other)), is_admin);
}
