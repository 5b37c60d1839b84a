//! Passwords: which ones are allowed, and their argon2id hashes.
//!
//! Hashing is slow by design, so it never runs on an async thread, and only so many calls run or
//! wait at once: a storm of logins slows logins, nothing else. Nothing here knows users; whoever
//! asks brings the stored hash, or none where there is no such user.

mod metrics;

use crate::sources::Entropy;
use crate::telemetry::caller::Caller;
use argon2::password_hash::{Error as HashError, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};
use metrics::HashMetrics;
use std::num::NonZero;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// The shortest password, in characters.
pub const MIN_PASSWORD: usize = 8;
/// The longest password, in characters.
pub const MAX_PASSWORD: usize = 128;

/// A password that cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("password must be {MIN_PASSWORD} to {MAX_PASSWORD} characters")]
pub struct InvalidPassword;

/// Whether `password` may be chosen: its length in characters, whatever they are.
///
/// # Errors
/// Shorter than [`MIN_PASSWORD`] or longer than [`MAX_PASSWORD`].
pub fn check_password(password: &str) -> Result<(), InvalidPassword> {
    let length = password.chars().take(MAX_PASSWORD + 1).count();
    if (MIN_PASSWORD..=MAX_PASSWORD).contains(&length) {
        Ok(())
    } else {
        Err(InvalidPassword)
    }
}

/// Why a password was neither hashed nor compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// As many calls as may wait are waiting already; nothing was begun.
    #[error("too many passwords are being checked")]
    Busy,
    /// The stored text is no argon2 hash.
    #[error("the stored password hash is unreadable")]
    UnreadableHash,
    /// The cost cannot be, or there was no memory for it.
    #[error("the password could not be hashed")]
    Failed,
    /// The call panicked, or the runtime is shutting down.
    #[error("hashing the password was interrupted")]
    Interrupted,
}

/// How much work a hash is. With one lane, as there are other requests for the other cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB, at least 8.
    pub memory_kib: u32,
    /// Passes over it, at least 1.
    pub passes: u32,
}

impl Cost {
    /// What every real password costs: 19 MiB, two passes.
    pub const STANDARD: Self = Self {
        memory_kib: 19 * 1024,
        passes: 2,
    };
    /// The least there can be. Guards nothing: for tests that register hundreds of users.
    pub const TRIVIAL: Self = Self {
        memory_kib: 8,
        passes: 1,
    };
}

/// How many hashes may be under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Computed at once.
    pub workers: usize,
    /// Waiting beyond those.
    pub queue: usize,
}

impl Default for Limits {
    /// One worker for each core, and 64 waiting.
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, NonZero::get),
            queue: 64,
        }
    }
}

/// Hashes and compares passwords, a bounded number at a time. Clones share the bounds.
#[derive(Clone)]
pub struct Hasher {
    engine: Arc<Engine>,
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    /// How many may be under way or wait.
    most: usize,
    metrics: Arc<HashMetrics>,
}

impl Hasher {
    /// A hasher of [`Cost::STANDARD`]. Computes one hash at once, so blocks for a moment.
    ///
    /// # Errors
    /// [`Error::Failed`] without the memory for a hash.
    pub fn new(limits: Limits, entropy: Arc<dyn Entropy>) -> Result<Self, Error> {
        Self::with_cost(limits, Cost::STANDARD, entropy)
    }

    /// A hasher of another cost: for tests. Stored hashes carry the cost that they were made with.
    ///
    /// # Errors
    /// [`Error::Failed`] for a cost that cannot be.
    pub fn with_cost(limits: Limits, cost: Cost, entropy: Arc<dyn Entropy>) -> Result<Self, Error> {
        let workers = limits.workers.clamp(1, Semaphore::MAX_PERMITS / 2);
        let queue = limits.queue.min(Semaphore::MAX_PERMITS / 2);
        Ok(Self {
            engine: Arc::new(Engine::new(cost, entropy)?),
            places: Arc::new(Semaphore::new(workers + queue)),
            workers: Arc::new(Semaphore::new(workers)),
            most: workers + queue,
            metrics: Arc::default(),
        })
    }

    /// The PHC string to store for `password`, salted afresh.
    ///
    /// # Errors
    /// [`Error::Busy`] at once when the queue is full.
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        self.run(move |engine| engine.hash(password.as_bytes()))
            .await
    }

    /// Whether `password` is the one behind the stored `phc`. `None`, for a user that is not
    /// there, takes as long as a real comparison and is false.
    ///
    /// # Errors
    /// [`Error::Busy`] at once when the queue is full, [`Error::UnreadableHash`] for a damaged
    /// `phc`.
    pub async fn verify(&self, password: String, phc: Option<String>) -> Result<bool, Error> {
        self.run(move |engine| {
            let stored = phc.as_deref().unwrap_or(&engine.dummy);
            let same = engine.matches(password.as_bytes(), stored)?;
            Ok(same && phc.is_some())
        })
        .await
    }

    /// Runs `work` off the async threads once a worker is free. A caller that goes away while
    /// waiting frees its place; work that has begun holds its permits to its end.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            self.metrics.refused.inc();
            Error::Busy
        })?;
        let begun = Instant::now();
        let worker = Arc::clone(&self.workers)
            .acquire_owned()
            .await
            .map_err(|_| Error::Interrupted)?;
        self.metrics.wait.took(begun.elapsed());
        let (engine, metrics) = (Arc::clone(&self.engine), Arc::clone(&self.metrics));
        let caller = Caller::current();
        tokio::task::spawn_blocking(move || {
            let _held = (place, worker);
            let begun = Instant::now();
            let done = caller.in_scope(|| work(&engine));
            metrics.time.took(begun.elapsed());
            done
        })
        .await
        .map_err(|_| Error::Interrupted)?
    }
}

/// The hash function, its cost, and a hash that nobody's password has.
struct Engine {
    argon: Argon2<'static>,
    entropy: Arc<dyn Entropy>,
    dummy: String,
}

impl Engine {
    fn new(cost: Cost, entropy: Arc<dyn Entropy>) -> Result<Self, Error> {
        let params =
            Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|_| Error::Failed)?;
        let mut engine = Self {
            argon: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            entropy,
            dummy: String::new(),
        };
        let mut nobodys = [0; 32];
        engine.entropy.fill(&mut nobodys);
        engine.dummy = engine.hash(&nobodys)?;
        Ok(engine)
    }

    fn hash(&self, password: &[u8]) -> Result<String, Error> {
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt);
        let hash = self
            .argon
            .hash_password_with_salt(password, &salt)
            .map_err(|_| Error::Failed)?;
        Ok(hash.to_string())
    }

    fn matches(&self, password: &[u8], phc: &str) -> Result<bool, Error> {
        let stored = PasswordHash::new(phc).map_err(|_| Error::UnreadableHash)?;
        if stored.salt.is_none() || stored.hash.is_none() {
            return Err(Error::UnreadableHash);
        }
        match self.argon.verify_password(password, &stored) {
            Ok(()) => Ok(true),
            Err(HashError::PasswordInvalid) => Ok(false),
            Err(HashError::OutOfMemory) => Err(Error::Failed),
            Err(_) => Err(Error::UnreadableHash),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::SystemEntropy;
    use crate::telemetry::caller;
    use futures::poll;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::sync::mpsc;
    use std::task::Poll;
    use tracing::Span;

    fn hasher(workers: usize, queue: usize) -> Hasher {
        let limits = Limits { workers, queue };
        Hasher::with_cost(limits, Cost::TRIVIAL, Arc::new(SystemEntropy)).unwrap()
    }

    /// Occupies a worker until the sender is used or dropped.
    async fn occupy(
        hasher: &Hasher,
    ) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), Error>>) {
        let (release, released) = mpsc::channel::<()>();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let hasher = hasher.clone();
        let task = tokio::spawn(async move {
            let work = move |_: &Engine| {
                begun.send(()).unwrap();
                let _ = released.recv();
                Ok(())
            };
            hasher.run(work).await
        });
        has_begun.await.unwrap();
        (release, task)
    }

    async fn assert_busy(hasher: &Hasher) {
        let one_more = pin!(hasher.hash("one too many".into()));
        assert_eq!(poll!(one_more), Poll::Ready(Err(Error::Busy)));
    }

    #[test]
    fn a_password_is_eight_to_128_characters_of_any_script() {
        assert_eq!(check_password("1234567"), Err(InvalidPassword));
        assert_eq!(check_password("12345678"), Ok(()));
        assert_eq!(check_password(&"ü".repeat(7)), Err(InvalidPassword));
        assert_eq!(check_password(&"字".repeat(128)), Ok(()));
        assert_eq!(check_password(&"字".repeat(129)), Err(InvalidPassword));
        insta::assert_snapshot!(InvalidPassword, @"password must be 8 to 128 characters");
    }

    #[tokio::test]
    async fn the_standard_hash_is_argon2id_with_19_mib_and_two_passes() {
        let hasher = Hasher::new(Limits::default(), Arc::new(SystemEntropy)).unwrap();
        let phc = hasher.hash("correct horse".into()).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(
            hasher
                .engine
                .dummy
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
        );
        let verify = |password: &str| hasher.verify(password.into(), Some(phc.clone()));
        assert_eq!(verify("correct horse").await, Ok(true));
        assert_eq!(verify("correct horsf").await, Ok(false));
    }

    #[tokio::test]
    async fn the_same_password_is_salted_differently_each_time() {
        let hasher = hasher(1, 1);
        let first = hasher.hash("correct horse".into()).await.unwrap();
        assert_ne!(first, hasher.hash("correct horse".into()).await.unwrap());
    }

    #[tokio::test]
    async fn an_unknown_user_is_refused_whatever_the_password() {
        let mut hasher = hasher(1, 1);
        let dummy = hasher.hash("guessed it".into()).await.unwrap();
        Arc::get_mut(&mut hasher.engine).unwrap().dummy = dummy;
        assert_eq!(hasher.verify("guessed it".into(), None).await, Ok(false));
        assert_eq!(hasher.verify("something".into(), None).await, Ok(false));
    }

    #[tokio::test]
    async fn a_damaged_hash_is_an_error_and_not_a_wrong_password() {
        let hasher = hasher(1, 1);
        for damaged in [
            "",
            "correct horse",
            "$argon2id$v=19$m=8,t=1,p=1",
            "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ",
            "$scrypt$ln=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        ] {
            let outcome = hasher.verify("correct horse".into(), Some(damaged.into()));
            assert_eq!(outcome.await, Err(Error::UnreadableHash), "{damaged}");
        }
    }

    #[test]
    fn a_cost_that_cannot_be_is_refused() {
        let cost = Cost {
            memory_kib: 1,
            passes: 1,
        };
        let made = Hasher::with_cost(Limits::default(), cost, Arc::new(SystemEntropy));
        assert_eq!(made.err(), Some(Error::Failed));
    }

    #[tokio::test]
    async fn beyond_the_queue_a_call_is_refused_at_once() {
        let hasher = hasher(1, 1);
        let (release, occupied) = occupy(&hasher).await;
        let mut waiting = pin!(hasher.hash("correct horse".into()));
        assert!(poll!(waiting.as_mut()).is_pending());

        assert_busy(&hasher).await;

        release.send(()).unwrap();
        occupied.await.unwrap().unwrap();
        waiting.await.unwrap();
        assert_eq!(hasher.places.available_permits(), 2);
        hasher.hash("there is room again".into()).await.unwrap();
    }

    #[tokio::test]
    async fn only_so_many_work_at_once() {
        let hasher = hasher(2, 6);
        let (working, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let calls = (0..8).map(|_| {
            let (working, most) = (working.clone(), most.clone());
            hasher.run(move |_| {
                most.fetch_max(working.fetch_add(1, SeqCst) + 1, SeqCst);
                (0..1_000).for_each(|_| std::thread::yield_now());
                working.fetch_sub(1, SeqCst);
                Ok(())
            })
        });
        let outcomes = futures::future::join_all(calls).await;
        assert_eq!(outcomes, [Ok(()); 8]);
        assert!(most.load(SeqCst) <= 2);
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_frees_its_place() {
        let hasher = hasher(1, 1);
        let (release, occupied) = occupy(&hasher).await;
        let mut gone = Box::pin(hasher.hash("correct horse".into()));
        assert!(poll!(gone.as_mut()).is_pending());
        drop(gone);

        let mut waiting = pin!(hasher.hash("correct horse".into()));
        assert!(poll!(waiting.as_mut()).is_pending());
        release.send(()).unwrap();
        occupied.await.unwrap().unwrap();
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_does_not_free_a_worker_that_still_works() {
        let hasher = hasher(1, 0);
        let (release, occupied) = occupy(&hasher).await;
        occupied.abort();
        assert!(occupied.await.unwrap_err().is_cancelled());
        assert_busy(&hasher).await;
        drop(release);
        let worker = hasher.workers.acquire().await.unwrap();
        drop(worker);
    }

    #[tokio::test]
    async fn a_panic_fails_its_own_call_only() {
        let hasher = hasher(1, 0);
        let outcome = hasher
            .run(|_| -> Result<(), Error> { panic!("injected") })
            .await;
        assert_eq!(outcome, Err(Error::Interrupted));
        hasher.hash("correct horse".into()).await.unwrap();
    }

    #[tokio::test]
    async fn the_caller_goes_with_the_work() {
        let hasher = hasher(1, 0);
        let told = hasher.run(|_| Ok((std::thread::current().id(), caller::request_id())));
        let (worker, id) = Caller::node(Some("r-1".into()), Span::none())
            .on_behalf(told)
            .await
            .unwrap();
        assert_ne!(worker, std::thread::current().id());
        assert_eq!(id.as_deref(), Some("r-1"));
    }
}
