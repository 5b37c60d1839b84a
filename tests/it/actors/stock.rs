//! Stock as a whole shop uses it.

use super::audit::assert_books;
use crate::world::{START, World, order_request_with, receive_item, soon};
use cartwright::actors::Failure;
use cartwright::domain::ids::{PromotionCode, UserId};
use cartwright::domain::money::Rate;
use cartwright::domain::shop::{Discount, Promotion};
use cartwright::domain::stock::StockKey;
use cartwright::domain::user::Rejection;
use cartwright::store::fault::{Fault, Op};
use cartwright::store::{CatalogRow, Change, Commit, Stocks as _};
use futures::future::join_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn orders_of_many_users_share_the_commits_of_an_item() {
    let world = World::new().await;
    let users: Vec<UserId> = join_all((0..100).map(|_| world.user())).await;
    for user in &users {
        world.add(*user, "mug", 1).await.unwrap();
    }
    let commits = Arc::new(AtomicUsize::new(0));
    let counter = commits.clone();
    world.store.script(move |op| match op {
        Op::Commit(Commit { change, .. }) => {
            let is_stock = matches!(change, Change::Stock(..));
            counter.fetch_add(usize::from(is_stock), Ordering::Relaxed);
            Some(Fault::Slow(Duration::from_millis(3)))
        }
        _ => None,
    });
    for order in join_all(users.iter().map(|user| world.order(*user, None))).await {
        order.unwrap();
    }
    world.system.stop(soon()).await;
    let commits = commits.load(Ordering::Relaxed);
    assert!(
        commits <= 8,
        "100 reservations and as many sales: {commits}"
    );
    assert_books(&world, &users).await;
}

/// A promotion that is limited in all is claimed like the last units of an item.
#[tokio::test(start_paused = true)]
async fn of_many_who_claim_a_limited_promotion_as_many_get_it_as_may() {
    let code = PromotionCode::parse("FIRST3").unwrap();
    let promotion = Promotion {
        code: code.clone(),
        discount: Discount::Percent(Rate(100_000)),
        minimum_subtotal: None,
        valid_from: None,
        valid_until: None,
        limit_total: Some(3),
        limit_per_user: None,
    };
    let world = World::with_rows(vec![CatalogRow::Promotion(promotion)]).await;
    let key = StockKey::Promotion(code.clone());
    receive_item(world.store.inner(), key.clone(), 3, START).await;
    let users: Vec<UserId> = join_all((0..20).map(|_| world.user())).await;
    for user in &users {
        world.add(*user, "mug", 1).await.unwrap();
    }
    let claim = |user: &UserId| {
        let request = order_request_with(None, |it| it.promotion_codes = vec![code.clone()]);
        world.users.ask(*user, request, soon())
    };
    let answers = join_all(users.iter().map(claim)).await;
    let refused = |answer: &&Result<_, Failure>| {
        matches!(answer, Err(Failure::Rejected(Rejection::Promotion { .. })))
    };
    let placed = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!((placed, answers.iter().filter(refused).count()), (3, 17));
    world.system.stop(soon()).await;
    assert_books(&world, &users).await;
    let uses = world.store.inner().stock(key).await.unwrap().value;
    assert_eq!((uses.available, uses.held, uses.sold), (0, 0, 3));
    // The refused gave their mugs back.
    assert_eq!(world.stock("mug").await.sold, 3);
}
