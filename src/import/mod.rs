//! Brings the catalogue and the shop's data into a store, from a Shopify product export or NDJSON.
//!
//! Files are read in a stream and written in batches, each record once: what is stored already and
//! equal is left alone, so that the same file twice changes nothing. A record that cannot be taken
//! is named by file, line and column or field. No two products are sold under one SKU, whether they
//! are stored or in the file: one has to give it up before another can have it. Nothing here knows HTTP or the catalogue in memory.
//!
//! # NDJSON
//! One object a line. Fields after the `;` may be left out; `demo.ndjson` shows each type. Prices
//! are `{"amount": minor units, "currency": "USD"}`, rates are text (`"8.75"` per cent), times are
//! RFC 3339.
//!
//! | `type` | fields |
//! |---|---|
//! | `category` | `id`, `name`; `slug`, `description`, `parent_id`, `image_url`, `active` |
//! | `brand` | `id`, `name`; `slug`, `description`, `logo_url`, `active` |
//! | `product` | `id`, `sku`, `name`, `base_price`; `description`, `sale_price`, `status` (`active`, `draft`, `archived`), `brand_id`, `category_id`, `images`, `attributes`, `stock`, `variants` |
//! | one of `variants` | `id`, `sku`, `name`, `price`; `sale_price`, `attributes`, `stock` |
//! | `stock` | `sku`, `received` (units in all, those that are sold included) |
//! | `tax_rate` | `country`, `rate`; `state` |
//! | `shipping_method` | `id`, `name`, `price`; `free_from`, `position` |
//! | `promotion` | `code`, and `percent` or `amount`; `minimum_subtotal`, `valid_from`, `valid_until`, `limit_total`, `limit_per_user` |
//!
//! # Shopify
//! Rows of one `Handle` stand together and make a product; a row with a price, a SKU or an option
//! value is a variant, any other adds a picture. Missing SKUs are derived from the handle and the
//! option values. Vendors become brands and types categories, where there are none of their id.

mod check;
pub mod demo;
mod entry;
pub mod generate;
mod ndjson;
mod owners;
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
    let Input { file, format, data } = input;
    let mut writer = Writer::open(store, sources).await?;
    if let Some(given) = options.currency {
        writer.adopt(given).await?.map_err(|shop| {
            let file = file.clone();
            ImportError::OtherCurrency { file, shop, given }
        })?;
    }
    let mut entries = open(&file, format, data, writer.currency())?;
    let mut stopped = false;
    let failed = |source| ImportError::Read {
        file: file.clone(),
        source,
    };
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

fn open<'a, R: Read + Send + 'a>(
    file: &str,
    format: Format,
    data: R,
    currency: Option<Currency>,
) -> Result<Box<dyn Entries + 'a>, ImportError> {
    match (format, currency) {
        (Format::Ndjson, _) => Ok(Box::new(ndjson::Reader::new(data))),
        (Format::ShopifyCsv, Some(currency)) => {
            Ok(Box::new(shopify::Reader::open(file, data, currency)?))
        }
        (Format::ShopifyCsv, None) => Err(ImportError::NoCurrency {
            file: file.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
