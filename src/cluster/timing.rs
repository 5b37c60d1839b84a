//! How long what takes in a cluster; all of it follows from how soon a death is to be found.

use std::time::Duration;

/// The times of membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// A node whose row has not changed for so long is dead.
    pub(super) detection: Duration,
    /// For so long after a beat was sent its node answers from memory. Shorter than `detection` by
    /// more than two clocks can drift apart meanwhile.
    pub(super) lease: Duration,
    /// The pause between two beats.
    pub(super) beat: Duration,
    /// The pause between two looks at the others.
    pub(super) look: Duration,
    /// The same while a view is being adopted.
    pub(super) hurry: Duration,
    /// How long handing over may take. What has not ended by then gives no more answers.
    pub(super) hand_over: Duration,
}

impl Timing {
    /// That of a cluster in which a death is found within `detection` and the pause between two
    /// looks, a sixth of it. At least 600 ms.
    #[must_use]
    pub fn detecting_within(detection: Duration) -> Self {
        let detection = detection.max(Duration::from_millis(600));
        let sixth = detection / 6;
        Self {
            detection,
            lease: detection - sixth,
            beat: sixth,
            look: sixth,
            hurry: (sixth / 10).max(Duration::from_millis(20)),
            hand_over: detection,
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::detecting_within(Duration::from_secs(6))
    }
}
