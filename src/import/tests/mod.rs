mod demo;
mod ndjson;
mod repeat;
mod shopify;
mod watched;

use super::*;
use crate::domain::catalog::Product;
use crate::domain::ids::{ProductId, Sku};
use crate::domain::stock::StockLevel;
use crate::domain::time::Timestamp;
use crate::sources::{Clock, SystemEntropy};
use crate::store::memory::MemoryStore;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use watched::Watched;

/// A clock that stands until it is set.
struct Stood(AtomicI64);

impl Clock for Stood {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

/// A store to import into, under a clock that is set by hand.
struct Bench {
    clock: Arc<Stood>,
    sources: Sources,
    store: Watched,
}

#[derive(Default)]
struct Told {
    refusals: Vec<String>,
    read: u64,
}

impl Progress for Told {
    fn read(&mut self, bytes: u64) {
        assert!(bytes >= self.read);
        self.read = bytes;
    }

    fn refused(&mut self, refusal: &Refusal) {
        self.refusals.push(refusal.to_string());
    }
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(Stood(AtomicI64::new(1_000)));
        Self {
            store: Watched::new(MemoryStore::new(clock.clone())),
            sources: Sources {
                clock: clock.clone(),
                entropy: Arc::new(SystemEntropy),
            },
            clock,
        }
    }

    fn at(&self, millis: i64) {
        self.clock.0.store(millis, Ordering::Relaxed);
    }

    async fn run(
        &self,
        format: Format,
        text: &[u8],
        options: Options,
    ) -> Result<(Report, Vec<String>), ImportError> {
        let file = match format {
            Format::ShopifyCsv => "file.csv",
            Format::Ndjson => "file.ndjson",
        };
        let input = Input {
            file: file.to_owned(),
            format,
            data: text,
        };
        let mut told = Told::default();
        let report = run(&self.store, &self.sources, input, options, &mut told).await?;
        if !report.stopped {
            assert_eq!(told.read, text.len() as u64);
        }
        assert_eq!(report.total().refused, told.refusals.len() as u64);
        Ok((report, told.refusals))
    }

    async fn ndjson(&self, text: &str) -> (Report, Vec<String>) {
        let run = self.run(Format::Ndjson, text.as_bytes(), Options::default());
        run.await.unwrap()
    }

    async fn csv(&self, text: &str) -> (Report, Vec<String>) {
        let options = Options {
            currency: Some(Currency::USD),
            ..Options::default()
        };
        let run = self.run(Format::ShopifyCsv, text.as_bytes(), options);
        run.await.unwrap()
    }

    async fn product(&self, id: &str) -> Option<Product> {
        let products = self.store.products(None, 256).await.unwrap();
        let id = ProductId::parse(id).unwrap();
        products.into_iter().find(|product| product.id == id)
    }

    async fn received(&self, sku: &str) -> StockLevel {
        let key = StockKey::Sku(Sku::parse(sku).unwrap());
        self.store.stock(key).await.unwrap().value
    }
}

fn counts(report: &Report, kind: Kind) -> [u64; 4] {
    let counts = report.counts.get(&kind).copied().unwrap_or_default();
    [
        counts.added,
        counts.changed,
        counts.unchanged,
        counts.refused,
    ]
}

#[test]
fn a_format_is_told_by_its_extension() {
    let of = |name: &str| Format::of(Path::new(name));
    assert_eq!(of("a/products.CSV").unwrap(), Format::ShopifyCsv);
    assert_eq!(of("shop.ndjson").unwrap(), Format::Ndjson);
    assert_eq!(of("shop.jsonl").unwrap(), Format::Ndjson);
    let error = of("shop.xlsx").unwrap_err().to_string();
    assert_eq!(
        error,
        "shop.xlsx: must be a Shopify product export (.csv) or NDJSON (.ndjson, .jsonl)"
    );
    assert!(of("csv").is_err());
}

/// Pieces of both formats, so that random files get far.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"Handle,Title,Variant Price,Option1 Value,Image Src\n".to_vec()),
        Just(b"a,A,1.5,S,\n".to_vec()),
        Just(b"a,,2,M,x\n".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"{\"type\":\"stock\",\"sku\":\"A\",\"received\":1}\n".to_vec()),
        Just(b"{\"type\":\"product\",\"variants\":[".to_vec()),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_file_is_survived_and_the_second_import_of_it_writes_nothing(bytes in pieces(), csv: bool) {
        let format = if csv { Format::ShopifyCsv } else { Format::Ndjson };
        let options = Options { currency: Some(Currency::USD), ..Options::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new();
            if let Ok((first, refused)) = bench.run(format, &bytes, options).await {
                bench.store.writes();
                let (second, again) = bench.run(format, &bytes, options).await.unwrap();
                assert_eq!((bench.store.writes(), again), (0, refused));
                assert_eq!(second.total().refused, first.total().refused);
            }
        });
    }
}
