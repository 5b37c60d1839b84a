//! Work that takes a core for milliseconds: off the async threads, and so much at a time that the
//! rest of the node goes on.

use super::error::ApiError;
use crate::actors::Failure;
use std::num::NonZero;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// How much work may wait for each place.
const WAITING_PER_PLACE: usize = 32;

/// Places for work, and a queue before them.
pub(super) struct Workers {
    places: Arc<Semaphore>,
    /// A permit for each who has a place or waits for one.
    queue: Semaphore,
}

impl Workers {
    /// A place for every second core, at least one.
    pub(super) fn for_half_the_cores() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let places = cores.div_ceil(2);
        Self::of(places, places * WAITING_PER_PLACE)
    }

    fn of(places: usize, waiting: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            queue: Semaphore::new(places + waiting),
        }
    }

    /// Does `work` once there is a place for it. Work whose asker has gone keeps its place until
    /// it is done.
    ///
    /// # Errors
    /// [`ApiError::Overloaded`] where too much waits already, or no place was free before
    /// `deadline`; our fault where the work panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let _queued = self.queue.try_acquire().map_err(|_| ApiError::Overloaded)?;
        let place = timeout_at(deadline, Arc::clone(&self.places).acquire_owned()).await;
        let place = place
            .ok()
            .and_then(Result::ok)
            .ok_or(ApiError::Overloaded)?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        });
        done.await.map_err(|error| {
            tracing::error!(%error, "http.work.failed");
            ApiError::Failed(Failure::Internal)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    #[tokio::test]
    async fn work_waits_for_a_place_and_is_refused_at_its_deadline() {
        let workers = Arc::new(Workers::of(1, 1));
        let (finish, finished) = mpsc::channel();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let workers = workers.clone();
            async move {
                let work = move || {
                    started.send(()).unwrap();
                    finished.recv().unwrap()
                };
                workers.run(soon(), work).await
            }
        });
        has_started.await.unwrap();
        let refused = workers.run(Instant::now(), || 2).await;
        assert!(matches!(refused, Err(ApiError::Overloaded)));
        finish.send(1).unwrap();
        assert_eq!(first.await.unwrap().unwrap(), 1);
        assert_eq!(workers.run(soon(), || 3).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn work_beyond_the_queue_is_refused_at_once() {
        let workers = Arc::new(Workers::of(1, 1));
        let (finish, finished) = mpsc::channel();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let work = move || {
            started.send(()).unwrap();
            finished.recv().unwrap()
        };
        let spawned = workers.clone();
        let first = tokio::spawn(async move { spawned.run(soon(), work).await });
        has_started.await.unwrap();
        let mut waiting = Box::pin(workers.run(soon(), || 2));
        assert!(futures::poll!(&mut waiting).is_pending());
        let mut refused = Box::pin(workers.run(soon(), || 3));
        let refused = futures::poll!(&mut refused);
        assert!(matches!(
            refused,
            std::task::Poll::Ready(Err(ApiError::Overloaded))
        ));
        finish.send(1).unwrap();
        assert_eq!(first.await.unwrap().unwrap(), 1);
        assert_eq!(waiting.await.unwrap(), 2);
        assert_eq!(workers.run(soon(), || 4).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_place_back() {
        let workers = Workers::of(1, 0);
        let failed = workers.run(soon(), || panic!("broken")).await;
        assert!(matches!(failed, Err(ApiError::Failed(Failure::Internal))));
        assert_eq!(workers.run(soon(), || 3).await.unwrap(), 3);
    }
}
