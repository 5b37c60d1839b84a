//! The same changes of carts by both entrances, over HTTP and at the directory: each node on a
//! runtime with one worker. The clients at the directory share it, those over HTTP have a thread of
//! their own.

use super::many_carts::ManyCarts;
use crate::Failure;
use crate::data::Place;
use crate::measure::{Row, Sample};
use crate::served::one_worker;
use async_trait::async_trait;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::time::Instant;

pub(crate) struct Entrances {
    directory: Arc<ManyCarts>,
    http: ManyCarts,
    /// Where the node of the directory lives. `None` once it has ended.
    runtime: Option<Runtime>,
}

impl Entrances {
    pub(crate) async fn new(place: Place) -> Result<Self, Failure> {
        let runtime = one_worker("directory")?;
        let http = ManyCarts::over_http(&place).await?;
        let made = runtime.spawn(async move { ManyCarts::at_the_directory(&place).await });
        Ok(Self {
            directory: Arc::new(made.await??),
            http,
            runtime: Some(runtime),
        })
    }

    fn runtime(&self) -> Result<&Runtime, Failure> {
        Ok(self
            .runtime
            .as_ref()
            .ok_or("the directory's node has ended")?)
    }
}

#[async_trait]
impl Row for Entrances {
    async fn baseline(&self, end: Instant) -> Result<Sample, Failure> {
        let directory = self.directory.clone();
        let asking = async move { directory.subject(end).await };
        self.runtime()?.spawn(asking).await?
    }

    async fn subject(&self, end: Instant) -> Result<Sample, Failure> {
        self.http.subject(end).await
    }

    async fn close(&self) -> Result<(), Failure> {
        self.directory.close().await
    }
}

impl Drop for Entrances {
    fn drop(&mut self) {
        // Waiting for it, as it would, is not allowed here.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
