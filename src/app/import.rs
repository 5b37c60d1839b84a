//! `cartwright import`: files into the store, with a bar, refusals as lines, and counts at the end.

use super::data::{self, OpenError};
use crate::config::{self, ImportArgs, InvalidSettings};
use crate::domain::money::{Currency, MoneyError};
use crate::import::progress::Bar;
use crate::import::{self as importer, Format, ImportError, Input, OnError, Options, Report};
use crate::sources::Sources;
use crate::store::Store;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Why an import failed; one line each.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("--currency {0}")]
    Currency(#[from] MoneyError),
    #[error("{file}: cannot be opened: {source}")]
    File {
        file: String,
        source: std::io::Error,
    },
    #[error(transparent)]
    Import(#[from] ImportError),
}

/// Imports the files, one after the other. The exit code is 1 where a record was refused.
///
/// # Errors
/// What stopped it, in one line; what was imported before it stays.
pub async fn import(arguments: ImportArgs) -> Result<ExitCode, Error> {
    let currency = arguments
        .currency
        .as_deref()
        .map(Currency::parse)
        .transpose()?;
    let on_error = match arguments.on_error {
        config::OnError::Continue => OnError::Continue,
        config::OnError::Stop => OnError::Stop,
    };
    // All are judged before any is read.
    for file in &arguments.files {
        Format::of(file)?;
    }
    let sources = Sources::system();
    let settings = arguments.store.settings()?;
    let data = data::open(&settings, &sources).await?;
    let options = Options { currency, on_error };
    let imported = import_all(&*data.store(), &sources, &arguments.files, options).await;
    data.close().await;
    imported
}

async fn import_all(
    store: &dyn Store,
    sources: &Sources,
    files: &[PathBuf],
    options: Options,
) -> Result<ExitCode, Error> {
    let mut all_taken = true;
    for file in files {
        let report = import_file(store, sources, file, options).await?;
        print!("{}\n{report}", file.display());
        all_taken &= report.total().refused == 0;
        if report.stopped {
            break;
        }
    }
    Ok(if all_taken {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn import_file(
    store: &dyn Store,
    sources: &Sources,
    path: &Path,
    options: Options,
) -> Result<Report, Error> {
    let file = path.display().to_string();
    let failed = |source| Error::File {
        file: file.clone(),
        source,
    };
    let data = File::open(path).map_err(failed)?;
    let mut bar = Bar::new(data.metadata().map_err(failed)?.len());
    let format = Format::of(path)?;
    let input = Input {
        file: file.clone(),
        format,
        data: BufReader::new(data),
    };
    Ok(importer::run(store, sources, input, options, &mut bar).await?)
}
