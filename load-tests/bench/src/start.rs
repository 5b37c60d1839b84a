//! What a start takes by the size of the catalogue: time until the server is bound, and memory
//! once it has answered for a while, each in a process of its own.

use crate::data::Disk;
use crate::generated;
use crate::process::{Memory, Task};
use crate::served::Served;
use crate::wire::{Clients, Meanwhile, cycle, get};
use crate::{Failure, Table};
use cartwright::store::Store;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most memory that a product may take, in bytes.
const TARGET: f64 = 1_500.0;
/// Catalogues that are started with, the largest aside.
const SIZES: [u64; 2] = [1_000, 100_000];

/// Pages of the list that are asked for meanwhile.
const PAGES: u64 = 50;
/// How long after the start memory is read.
const SETTLED: Duration = Duration::from_secs(5);

/// What a start came to.
#[derive(Clone, Copy, Deserialize, Serialize)]
pub(crate) struct Start {
    milliseconds: u128,
    /// Resident, in KiB.
    memory: u64,
    /// The most that ever was.
    peak: u64,
}

/// Starts with catalogues up to `largest`; returns the table, and whether memory misses its target.
pub(crate) async fn measure(dir: &Path, largest: u64) -> Result<Table, Failure> {
    let mut starts = Vec::new();
    for products in SIZES
        .into_iter()
        .filter(|size| *size < largest)
        .chain([largest])
    {
        eprintln!("measuring: a start with {products} products");
        let disk = Disk::generated(dir, &generated::catalogue(products)).await?;
        let folder = disk.closed().await?;
        let data = folder.path().to_owned();
        starts.push((products, Task::Start { data }.told()?));
    }
    Ok(table(&starts))
}

/// In the process: starts with the data in a folder and tells what that took.
pub(crate) async fn start_with(data: PathBuf) -> Result<Start, Failure> {
    let began = Instant::now();
    let store = tokio::task::spawn_blocking(move || Disk::open(&data)).await??;
    let served = Served::product(Box::pin(async move { Ok(store as Arc<dyn Store>) })).await?;
    let milliseconds = began.elapsed().as_millis();
    // The allocator gives back to the system what loading took while it is at work, not at once.
    let pages = (1..=PAGES).map(|page| get(&format!("/api/v1/catalog/products?page={page}"), None));
    let clients = Clients {
        address: served.address,
        scripts: vec![cycle(pages.collect())],
        meanwhile: Meanwhile::Look,
    };
    clients.run(tokio::time::Instant::now() + SETTLED).await?;
    let memory = Memory::of_this()?;
    Ok(Start {
        milliseconds,
        memory: memory.resident,
        peak: memory.peak,
    })
}

/// Markdown, a line for each start. A product's memory is what it takes beyond the smallest's.
fn table(starts: &[(u64, Start)]) -> Table {
    let mut text = String::from(
        "| start with | ready after | memory | peak | a product | target |\n|---|---|---|---|---|---|\n",
    );
    let mut misses = false;
    let first = starts.first().copied();
    for (products, start) in starts {
        let more = first.and_then(|(fewest, least)| {
            let more = products.checked_sub(fewest).filter(|more| *more > 0)?;
            let bytes = start.memory.saturating_sub(least.memory) * 1024;
            Some(ratio(bytes, more))
        });
        let told = more.map_or("-".to_owned(), |bytes| format!("{bytes:.0} B"));
        let verdict = match more {
            None => "-".to_owned(),
            Some(bytes) if bytes > TARGET => format!("at most {TARGET} B: missed"),
            Some(_) => format!("at most {TARGET} B: met"),
        };
        misses |= more.is_some_and(|bytes| bytes > TARGET);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {products} products | {} ms | {} MiB | {} MiB | {told} | {verdict} |",
            start.milliseconds,
            start.memory / 1024,
            start.peak / 1024,
        );
    }
    (text, misses)
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn ratio(bytes: u64, products: u64) -> f64 {
    bytes as f64 / products as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_products_memory_is_what_it_adds_to_the_smallest_catalogue() {
        let start = |memory| Start {
            milliseconds: 1,
            memory,
            peak: memory,
        };
        let (text, misses) = table(&[(1_000, start(50 * 1024)), (2_000, start(51 * 1024))]);
        assert!(text.contains("| 1049 B | at most 1500 B: met |"), "{text}");
        assert!(!misses);
        assert!(table(&[(1_000, start(0)), (2_000, start(2_000))]).1);
    }
}
