//! Proving who somebody is: passwords, the word of an OpenID provider, access tokens, refresh
//! tokens, and the secret behind them.
//!
//! Knows nothing of sessions' state, of actors or of HTTP: it makes and judges credentials. Whether
//! a session still stands, and which epoch counts, is for the user's actor to say.

pub mod access;
pub mod oidc;
pub mod password;
pub mod refresh;
pub mod secret;
mod secret_file;

pub use secret_file::SecretFileError;

#[cfg(test)]
pub(crate) mod testing {
    //! A clock that stands where it is put, and a secret.

    use super::secret::Secret;
    use crate::domain::time::Timestamp;
    use crate::sources::{Clock, Sources, SystemEntropy};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

    pub(crate) struct SetClock(AtomicI64);

    impl SetClock {
        pub(crate) fn set(&self, now: Timestamp) {
            self.0.store(now.0, SeqCst);
        }
    }

    impl Clock for SetClock {
        fn now(&self) -> Timestamp {
            Timestamp(self.0.load(SeqCst))
        }
    }

    pub(crate) fn sources_at(now: Timestamp) -> (Sources, Arc<SetClock>) {
        let clock = Arc::new(SetClock(AtomicI64::new(now.0)));
        let sources = Sources {
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
        };
        (sources, clock)
    }

    pub(crate) fn secret() -> Secret {
        Secret::parse("k3Jf9-Qm2xVb7TzLw0RsYpHd5NcGuE8a").unwrap()
    }

    pub(crate) fn other_secret() -> Secret {
        Secret::parse("Zt6WqE1oPn4UyKj8MvXr3BhSfLc0DgIa").unwrap()
    }
}
