//! Brings the catalogue and the shop's data into a store, from a Shopify product export or NDJSON.
//!
//! Files are read in a stream and written in batches, each record once: what is stored already and
//! equal is left alone, so that the same file twice changes nothing. A record that cannot be taken
//! is named by file, line and column or field. Nothing here knows HTTP or the catalogue in memory.

mod check;
pub mod demo;
mod entry;
mod ndjson;
pub mod progress;
mod report;
mod shopify;
mod stock;
mod text;
mod writer;

pub use progress::Progress;
pub use report::{Counts, Kind, Place, Refusal, Report};

use crate::domain::money::Currency;
use crate::domain::stock::StockKey;
use crate::sources::Sources;
use crate::store::{self, Catalogs, Commits, Stocks};
use entry::Entry;
use std::io::{self, Read};
use std::path::Path;
use writer::Writer;

/// The longest line of NDJSON, or row of a CSV, in bytes.
pub const MAX_RECORD: usize = 1 << 20;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A product export of Shopify.
    ShopifyCsv,
    /// One JSON record a line.
    Ndjson,
}

impl Format {
    /// Judged by the file's extension.
    ///
    /// # Errors
    /// [`ImportError::UnknownFormat`].
    pub fn of(path: &Path) -> Result<Self, ImportError> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => Ok(Self::ShopifyCsv),
            Some("ndjson" | "jsonl") => Ok(Self::Ndjson),
            _ => Err(ImportError::UnknownFormat {
                file: path.display().to_string(),
            }),
        }
    }
}

/// A file to import.
#[derive(Debug)]
pub struct Input<R> {
    /// Its name, for messages.
    pub file: String,
    /// How to read it.
    pub format: Format,
    /// Its content.
    pub data: R,
}

/// What to do after a record that cannot be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// Go on with the next.
    #[default]
    Continue,
    /// Stop; what came before stays imported.
    Stop,
}

/// How to import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The prices' currency, where the file does not say. `None`: the shop's.
    pub currency: Option<Currency>,
    /// What to do after a record that cannot be taken.
    pub on_error: OnError,
}

/// Why an import ended early. What was written before stays; importing again is harmless.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Neither of the known extensions.
    #[error("{file}: must be a Shopify product export (.csv) or NDJSON (.ndjson, .jsonl)")]
    UnknownFormat {
        /// The file.
        file: String,
    },
    /// The file could not be read, or not as CSV.
    #[error("{file}: cannot be read: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The header of a CSV lacks columns.
    #[error("{file}: is no Shopify product export: it lacks {}", .columns.join(", "))]
    MissingColumns {
        /// The file.
        file: String,
        /// The columns.
        columns: Vec<&'static str>,
    },
    /// Prices without a currency.
    #[error("{file}: the shop has no currency yet and the file names none: give the currency")]
    NoCurrency {
        /// The file.
        file: String,
    },
    /// The shop has another currency.
    #[error("{file}: is in {given}, but the shop's currency is {shop}")]
    OtherCurrency {
        /// The file.
        file: String,
        /// What the shop has.
        shop: Currency,
        /// What was asked for.
        given: Currency,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Stock could not be written.
    #[error("stock of {key} cannot be written: {failure}")]
    Stock {
        /// What is counted.
        key: StockKey,
        /// Why.
        failure: store::resolve::Failure,
    },
}

/// A file as a stream of entries.
trait Entries: Send {
    /// The next entry, good or bad; `None` at the end.
    fn next(&mut self) -> io::Result<Option<Entry>>;

    /// How many bytes were read so far.
    fn read(&self) -> u64;
}

/// Imports a file.
///
/// Reads synchronously between writes: meant for the command line and for small data, not for the
/// threads that serve requests.
///
/// # Errors
/// [`ImportError`] where it could not go on. Refused records are no error: the report counts them
/// and `progress` was told each.
pub async fn run<R: Read + Send>(
    store: &(impl Catalogs + Commits + Stocks + ?Sized),
    sources: &Sources,
    input: Input<R>,
    options: Options,
    progress: &mut dyn Progress,
) -> Result<Report, ImportError> {
    let file = input.file;
    let failed = |source| ImportError::Read {
        file: file.clone(),
        source,
    };
    let mut writer = Writer::open(store, sources).await?;
    if let Some(given) = options.currency {
        writer.adopt(given).await?.map_err(|shop| {
            let file = file.clone();
            ImportError::OtherCurrency { file, shop, given }
        })?;
    }
    let mut entries: Box<dyn Entries + '_> = match input.format {
        Format::Ndjson => Box::new(ndjson::Reader::new(input.data)),
        Format::ShopifyCsv => {
            let currency = writer
                .currency()
                .ok_or_else(|| ImportError::NoCurrency { file: file.clone() })?;
            Box::new(shopify::Reader::open(&file, input.data, currency)?)
        }
    };
    let mut stopped = false;
    while !stopped && let Some(entry) = entries.next().map_err(failed)? {
        progress.read(entries.read());
        let problems = writer.take(entry).await?;
        stopped = options.on_error == OnError::Stop && !problems.is_empty();
        report::tell(&file, problems, progress);
    }
    let problems = writer.flush().await?;
    stopped |= options.on_error == OnError::Stop && !problems.is_empty();
    report::tell(&file, problems, progress);
    progress.read(entries.read());
    Ok(writer.finish(stopped))
}

#[cfg(test)]
mod tests;
