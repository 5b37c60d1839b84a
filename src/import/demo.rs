//! The demo catalogue: a small shop of our own invention, imported like any other file. It also
//! shows every type of record.

use super::progress::Logged;
use super::{Format, ImportError, Input, Options, Report, run};
use crate::sources::Sources;
use crate::store::{Catalogs, Commits, Stocks};

const DEMO: &str = include_str!("demo.ndjson");

/// Imports it.
///
/// # Errors
/// As for [`run`].
pub async fn load(
    store: &(impl Catalogs + Commits + Stocks + ?Sized),
    sources: &Sources,
) -> Result<Report, ImportError> {
    let input = Input {
        file: "demo.ndjson".to_owned(),
        format: Format::Ndjson,
        data: DEMO.as_bytes(),
    };
    run(store, sources, input, Options::default(), &mut Logged).await
}

/// Imports it where there is no product and no currency yet; `None` where there is.
///
/// # Errors
/// As for [`run`].
pub async fn load_into_empty(
    store: &(impl Catalogs + Commits + Stocks + ?Sized),
    sources: &Sources,
) -> Result<Option<Report>, ImportError> {
    let empty = store.shop().await?.currency.is_none() && store.products(None, 1).await?.is_empty();
    if !empty {
        return Ok(None);
    }
    load(store, sources).await.map(Some)
}
