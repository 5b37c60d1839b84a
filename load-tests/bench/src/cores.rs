//! The server on one core, whoever loads it on another. The system would now and then have both wait
//! for one, or either of them for the store's writer, while the other core is idle: for milliseconds,
//! which is what a p99 is made of.

use crate::Failure;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// A core that threads keep to. Where there is one only, all share it.
#[derive(Clone, Copy)]
pub(crate) enum Core {
    /// A server's worker, and what that starts. The store's writer is started before, and goes
    /// wherever there is time for it.
    Server,
    /// Clients.
    Clients,
}

impl Core {
    /// Keeps this thread to it. No more than a wish, where the system has no such thing.
    pub(crate) fn keep(self) {
        let number = match self {
            Self::Server => 0,
            Self::Clients => 1,
        };
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        if let Some(core) = cores.get(number) {
            core_affinity::set_for_current(*core);
        }
    }
}

/// Runs clients on a thread of their own, which keeps to `core` if there is one.
pub(crate) async fn apart<T, F>(
    core: Option<Core>,
    clients: impl FnOnce() -> F + Send + 'static,
) -> Result<T, Failure>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Failure>>,
{
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        if let Some(core) = core {
            core.keep();
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        let done = runtime
            .map_err(Failure::from)
            .and_then(|runtime| runtime.block_on(clients()));
        // Whoever asked may have gone.
        let _ = tell.send(done);
    });
    told.await?
}
