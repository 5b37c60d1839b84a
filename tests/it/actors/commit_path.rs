//! What a user is told is durable, whatever the store does.

use crate::world::{World, line_of};

#[tokio::test(start_paused = true)]
async fn a_change_is_answered_with_the_cart_after_it() {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", 2).await.unwrap();
    let cart = world.add(user, "shirt", 3).await.unwrap();
    assert_eq!(line_of(&cart, "shirt").unwrap().1, 5);
    assert_eq!(cart.cart.revision, 2);
    assert_eq!(world.cart(user).await.unwrap().cart, cart.cart);
}
