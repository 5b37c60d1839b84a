//! Work that is repeated goes on, also after it has failed.

use crate::world::World;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn a_job_that_panics_is_started_again() {
    let world = World::new().await;
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let job = move || {
        assert_ne!(
            counted.fetch_add(1, Ordering::Relaxed),
            2,
            "the third fails"
        );
        std::future::ready(())
    };
    world.system.repeat("job", Duration::from_secs(1), job);
    // The clock stands still while anything is left to do.
    sleep(Duration::from_millis(5_500)).await;
    assert_eq!(runs.load(Ordering::Relaxed), 5);
}
