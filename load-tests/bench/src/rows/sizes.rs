//! What a large catalogue costs a request: the same asked of two servers, one with 1,000 products
//! and one with many, by a few clients. No request is like another, so that none is answered with
//! what was written for an earlier one.

use crate::Failure;
use crate::data::Disk;
use crate::generated;
use crate::measure::{Row, Sample, Unit};
use crate::served::Served;
use crate::wire::{Clients, Connection, Meanwhile, Script, get};
use async_trait::async_trait;
use cartwright::import::generate::{Generator, RARE};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// Products of the small catalogue.
pub(crate) const SMALL: u64 = 1_000;
/// Clients that ask at once: few, as it is the time of a request that counts.
const ASKING: u64 = 4;

/// Both servers, set up by whichever row comes first.
pub(crate) struct Sizes {
    products: u64,
    set_up: OnceCell<(Shop, Shop)>,
}

/// A server with a generated catalogue.
struct Shop {
    served: Served,
    generator: Generator,
    _disk: Disk,
}

impl Sizes {
    pub(crate) fn new(products: u64) -> Arc<Self> {
        Arc::new(Self {
            products,
            set_up: OnceCell::new(),
        })
    }

    async fn shops(&self, dir: &Path) -> Result<&(Shop, Shop), Failure> {
        let set_up = async || {
            let (small, large) = (Shop::open(dir, SMALL), Shop::open(dir, self.products));
            Ok((small.await?, large.await?))
        };
        self.set_up.get_or_try_init(set_up).await
    }
}

impl Shop {
    async fn open(dir: &Path, products: u64) -> Result<Self, Failure> {
        let generator = generated::catalogue(products);
        let disk = Disk::generated(dir, &generator).await?;
        Ok(Self {
            served: Served::product(disk.opened()).await?,
            generator,
            _disk: disk,
        })
    }
}

/// What is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Asked {
    /// A word that 20 products match.
    Selective,
    /// A word that every second product matches.
    Broad,
    /// A page of 20 of the whole list.
    Page,
}

impl Asked {
    /// The path of the `number`th request; how many products the answer counts.
    fn of(self, shop: &Generator, number: u64) -> Result<(String, u64), Failure> {
        let all = "/api/v1/catalog/products?page_size=20";
        // Ignored by the server, but for this it would know the answer.
        let unlike = format!("{all}&asked={number}");
        let spread = number.wrapping_mul(7_919);
        Ok(match self {
            Self::Selective => {
                let blocks = shop.products() / RARE;
                let word = shop.rare_word(spread % blocks).ok_or("too few products")?;
                (format!("{unlike}&keyword={word}"), RARE)
            }
            Self::Broad => {
                let (word, matches) = shop.half_word();
                (format!("{unlike}&keyword={word}"), matches)
            }
            Self::Page => {
                let page = spread % (shop.products() / 20) + 1;
                (format!("{unlike}&page={page}"), shop.products())
            }
        })
    }
}

/// One thing asked of both.
pub(crate) struct BySize {
    sizes: Arc<Sizes>,
    small: Clients,
    large: Clients,
}

impl BySize {
    pub(crate) async fn new(dir: &Path, sizes: Arc<Sizes>, asked: Asked) -> Result<Self, Failure> {
        let (small, large) = sizes.shops(dir).await?;
        let (small, large) = (clients(small, asked).await?, clients(large, asked).await?);
        Ok(Self {
            sizes,
            small,
            large,
        })
    }
}

/// The clients of one server, once it was seen to count right.
async fn clients(shop: &Shop, asked: Asked) -> Result<Clients, Failure> {
    let address = shop.served.address;
    let (path, expected) = asked.of(&shop.generator, 0)?;
    let mut connection = Connection::open(address).await?;
    let answer: Value = serde_json::from_slice(connection.exchange(&get(&path, None)).await?)?;
    if answer["meta"]["total_items"] != expected {
        return Err(format!("{path} counts {}, not {expected}", answer["meta"]).into());
    }
    let next = Arc::new(AtomicU64::new(1));
    let script = || -> Script {
        let (generator, next) = (shop.generator.clone(), next.clone());
        Arc::new(move |_| {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let path = asked.of(&generator, number).map(|(path, _)| path);
            get(&path.unwrap_or_default(), None)
        })
    };
    Ok(Clients {
        address,
        scripts: (0..ASKING).map(|_| script()).collect(),
        meanwhile: Meanwhile::Look,
    })
}

#[async_trait]
impl Row for BySize {
    fn unit(&self) -> Unit {
        Unit::P99
    }

    async fn baseline(&self, end: Instant) -> Result<Sample, Failure> {
        self.small.run(end).await
    }

    async fn subject(&self, end: Instant) -> Result<Sample, Failure> {
        self.large.run(end).await
    }

    async fn close(&self) -> Result<(), Failure> {
        // The last row takes the servers along.
        let _ = &self.sizes;
        Ok(())
    }
}
