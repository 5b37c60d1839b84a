//! Work on a thread of its own, which waits for nothing that other threads are busy with.

use std::io;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Runs `work` on a thread of this name, with timers and sockets of its own. Dropped, the future
/// that is returned ends the work where it stands.
///
/// # Errors
/// The operating system's: there is no thread. From the future: the work panicked.
pub(super) fn apart<T: Send + 'static>(
    name: &str,
    work: impl Future<Output = T> + Send + 'static,
) -> io::Result<impl Future<Output = io::Result<T>>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (mut tell, told) = oneshot::channel();
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(move || {
        let done = runtime.block_on(async {
            tokio::select! {
                done = work => Some(done),
                () = tell.closed() => None,
            }
        });
        if let Some(done) = done {
            // Whoever asked may have gone at this moment.
            let _ = tell.send(done);
        }
    })?;
    Ok(async { told.await.map_err(io::Error::other) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use tokio::sync::oneshot::channel;

    #[tokio::test]
    async fn it_is_done_elsewhere_while_here_nothing_is() {
        let (here, (tell, told)) = (thread::current().id(), std::sync::mpsc::channel());
        let elsewhere = apart("apart", async move {
            tell.send(thread::current().id()).unwrap();
            thread::current().name().map(str::to_owned)
        });
        // This thread runs nothing meanwhile.
        assert_ne!(told.recv().unwrap(), here);
        let name = elsewhere.unwrap().await.unwrap();
        assert_eq!(name.as_deref(), Some("apart"));
    }

    #[tokio::test]
    async fn it_ends_with_whoever_asked() {
        let (held, dropped) = channel::<()>();
        let working = apart("apart", async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        drop(working.unwrap());
        dropped.await.unwrap_err();
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let working = apart("apart", async { panic!("injected") }).unwrap();
        let failed: io::Result<()> = working.await;
        failed.unwrap_err();
    }
}
