//! How far an import is, for whoever watches it.

use super::report::Refusal;
use indicatif::{ProgressBar, ProgressStyle};

/// Is told how an import goes.
pub trait Progress: Send {
    /// So many bytes of the file were read so far.
    fn read(&mut self, bytes: u64);

    /// A record was not taken.
    fn refused(&mut self, refusal: &Refusal);
}

/// A bar on standard error, hidden where that is no terminal. Refusals are lines there.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Bar {
    /// Of a file with `bytes`.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let style =
            ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
        let bar = ProgressBar::new(bytes);
        Self(match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        })
    }
}

impl Progress for Bar {
    fn read(&mut self, bytes: u64) {
        self.0.set_position(bytes);
    }

    fn refused(&mut self, refusal: &Refusal) {
        self.0.suspend(|| eprintln!("{refusal}"));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Writes refusals to the log, and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Logged;

impl Progress for Logged {
    fn read(&mut self, _bytes: u64) {}

    fn refused(&mut self, refusal: &Refusal) {
        tracing::warn!(%refusal, "import.refused");
    }
}
