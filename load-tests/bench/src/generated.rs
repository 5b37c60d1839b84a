//! Generated catalogues, imported as they would be from a file.

use crate::Failure;
use cartwright::import::generate::Generator;
use cartwright::import::progress::Logged;
use cartwright::import::{self, Format, Input};
use cartwright::sources::Sources;
use cartwright::store::embedded::EmbeddedStore;
use std::io::BufWriter;

/// Any would do; it is named so that everybody measures the same.
const SEED: u64 = 1;

/// The catalogue of a size.
pub(crate) fn catalogue(products: u64) -> Generator {
    Generator::new(SEED, products)
}

/// Imports a catalogue into a store; it is nowhere whole on the way.
pub(crate) async fn import(store: &EmbeddedStore, catalogue: &Generator) -> Result<(), Failure> {
    eprintln!("  importing {} products", catalogue.products());
    let (data, lines) = std::io::pipe()?;
    let catalogue = catalogue.clone();
    let writing = std::thread::spawn(move || catalogue.write_ndjson(&mut BufWriter::new(lines)));
    let input = Input {
        file: "generated".to_owned(),
        format: Format::Ndjson,
        data,
    };
    let (sources, options) = (Sources::system(), import::Options::default());
    let report = import::run(store, &sources, input, options, &mut Logged).await?;
    writing.join().map_err(|_| "the generator panicked")??;
    if report.total().refused > 0 {
        return Err("the generated catalogue was not imported whole".into());
    }
    Ok(())
}
