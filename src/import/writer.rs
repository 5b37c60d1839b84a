//! Writes entries in batches: only what is not stored already, and each record once per import.

use super::ImportError;
use super::entry::{Content, Entry, Problem, Stocked};
use super::owners::Owners;
use super::report::{Fate, Kind, Place, Report};
use super::stock;
use crate::domain::money::Currency;
use crate::domain::shop::Discount;
use crate::domain::time::Timestamp;
use crate::sources::Sources;
use crate::store::{self, CatalogRow, Catalogs, Commits, Stocks};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, RandomState};

/// The most rows, and the most items of stock, that are kept back.
const BATCH: usize = 256;
/// How many items' stock is written at once.
const AT_ONCE: usize = 256;
/// How often a write of unknown outcome is repeated.
const REPEATS: u32 = 5;

pub(super) struct Writer<'a, S: ?Sized> {
    store: &'a S,
    sources: &'a Sources,
    now: Timestamp,
    currency: Option<Currency>,
    seen: Seen,
    /// Read when the first product comes whose SKUs are new.
    owners: Option<Owners>,
    rows: Vec<Row>,
    /// Each with the line of the record that gives it.
    stock: Vec<(u64, Stocked)>,
    report: Report,
}

/// A row that is kept back.
struct Row {
    line: u64,
    kind: Kind,
    row: CatalogRow,
    rule: Rule,
}

/// When a row is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Where what is stored differs.
    Differs,
    /// Where nothing is stored.
    Missing,
}

/// The lines on which things were first named, by hash: a few bytes each.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    lines: HashMap<u64, u64>,
}

impl Seen {
    /// The earlier line.
    fn line(&self, thing: &impl Hash) -> Option<u64> {
        self.lines.get(&self.hasher.hash_one(thing)).copied()
    }

    fn note(&mut self, thing: &impl Hash, line: u64) {
        self.lines.insert(self.hasher.hash_one(thing), line);
    }
}

impl<'a, S: Catalogs + Commits + Stocks + ?Sized> Writer<'a, S> {
    pub(super) async fn open(store: &'a S, sources: &'a Sources) -> Result<Self, ImportError> {
        Ok(Self {
            store,
            sources,
            now: sources.clock.now(),
            currency: store.shop().await?.currency,
            seen: Seen::default(),
            owners: None,
            rows: Vec::new(),
            stock: Vec::new(),
            report: Report::default(),
        })
    }

    /// The shop's.
    pub(super) fn currency(&self) -> Option<Currency> {
        self.currency
    }

    /// Makes it the shop's currency if there is none; the inner error is the one that there is.
    pub(super) async fn adopt(
        &mut self,
        currency: Currency,
    ) -> Result<Result<(), Currency>, ImportError> {
        match self.currency {
            Some(shop) if shop != currency => Ok(Err(shop)),
            Some(_) => Ok(Ok(())),
            None => self.set(currency).await.map(Ok),
        }
    }

    async fn set(&mut self, currency: Currency) -> Result<(), ImportError> {
        self.put(vec![CatalogRow::Currency(currency)]).await?;
        self.currency = Some(currency);
        Ok(())
    }

    /// Takes an entry, writing a batch where one is full. What it refuses may be of entries that
    /// were taken before.
    pub(super) async fn take(&mut self, entry: Entry) -> Result<Vec<Problem>, ImportError> {
        let (line, kind) = (entry.line, entry.kind);
        let checked = match entry.content {
            Ok(content) => self.check(content, line),
            Err(problem) => Err(problem),
        };
        let content = match checked {
            Ok(content) => content,
            Err(problem) => {
                self.report.count(kind, Fate::Refused);
                return Ok(vec![problem]);
            }
        };
        let currency = content.row.iter().flat_map(currencies).next();
        if let (None, Some((_, currency))) = (self.currency, currency) {
            self.set(currency).await?;
        }
        let mut problems = Vec::new();
        let rows = self.rows.len() + content.named.len() + 1;
        if rows > BATCH || self.stock.len() >= BATCH {
            problems = self.flush().await?;
        }
        self.keep(content, line, kind);
        Ok(problems)
    }

    /// Whether the entry goes with the shop's currency and with what the file said before.
    fn check(&self, content: Content, line: u64) -> Result<Content, Problem> {
        let problem = |place, message| Problem {
            line,
            place,
            message,
        };
        if let Some(row) = &content.row {
            self.check_currency(row)
                .map_err(|(field, message)| problem(Place::Field(field), message))?;
            if let Some(earlier) = self.seen.line(&row.key()) {
                let message = format!("repeats the record on line {earlier}");
                return Err(problem(Place::Line, message));
            }
        }
        for sku in content.skus() {
            if let Some(earlier) = self.seen.line(&("sku", sku)) {
                let message = format!("uses SKU {sku}, as does the product on line {earlier}");
                return Err(problem(Place::Line, message));
            }
        }
        for stocked in &content.stock {
            if let Some(earlier) = self.seen.line(&("stock", &stocked.key)) {
                let key = &stocked.key;
                let message = format!("repeats the stock of {key}, given on line {earlier}");
                return Err(problem(stocked.place.clone(), message));
            }
        }
        Ok(content)
    }

    /// Fails with a field and what it must be.
    fn check_currency(&self, row: &CatalogRow) -> Result<(), (String, String)> {
        let all = currencies(row);
        let shop = self.currency.or(all.first().map(|(_, currency)| *currency));
        let other = all.into_iter().find(|(_, other)| Some(*other) != shop);
        match (other, shop) {
            (Some((field, _)), Some(shop)) => Err((
                format!("{field}.currency"),
                format!("must be {shop}: a shop has one currency"),
            )),
            _ => Ok(()),
        }
    }

    fn keep(&mut self, content: Content, line: u64, kind: Kind) {
        for sku in content.skus() {
            self.seen.note(&("sku", sku), line);
        }
        for stocked in &content.stock {
            self.seen.note(&("stock", &stocked.key), line);
        }
        for row in content.named {
            if self.seen.line(&row.key()).is_none() {
                self.seen.note(&row.key(), line);
                let kind = match row {
                    CatalogRow::Brand(_) => Kind::Brand,
                    _ => Kind::Category,
                };
                let rule = Rule::Missing;
                self.rows.push(Row {
                    line,
                    kind,
                    row,
                    rule,
                });
            }
        }
        if let Some(row) = content.row {
            self.seen.note(&row.key(), line);
            let rule = Rule::Differs;
            self.rows.push(Row {
                line,
                kind,
                row,
                rule,
            });
        }
        let stock = content.stock.into_iter();
        self.stock.extend(stock.map(|stocked| (line, stocked)));
    }

    /// Writes what was kept back: the rows, then their stock.
    pub(super) async fn flush(&mut self) -> Result<Vec<Problem>, ImportError> {
        let mut problems = self.flush_rows().await?;
        let refused: HashSet<u64> = problems.iter().map(|problem| problem.line).collect();
        self.stock.retain(|(line, _)| !refused.contains(line));
        for some in std::mem::take(&mut self.stock).chunks(AT_ONCE) {
            let writes = some
                .iter()
                .map(|(_, stocked)| stock::receive(self.store, self.sources, stocked));
            for fate in futures::future::join_all(writes).await {
                match fate? {
                    Ok(fate) => self.report.count(Kind::Stock, fate),
                    Err(problem) => {
                        self.report.count(Kind::Stock, Fate::Refused);
                        problems.push(problem);
                    }
                }
            }
        }
        Ok(problems)
    }

    async fn flush_rows(&mut self) -> Result<Vec<Problem>, ImportError> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let keys = rows.iter().map(|kept| kept.row.key()).collect();
        let stored = self.store.catalog_rows(keys).await?;
        let mut fates = Vec::with_capacity(rows.len());
        let mut writes = Vec::new();
        let mut problems = Vec::new();
        for (kept, old) in rows.into_iter().zip(stored) {
            if let Err(message) = self.claim_skus(&kept.row, old.as_ref()).await? {
                let (line, place) = (kept.line, Place::Line);
                problems.push(Problem {
                    line,
                    place,
                    message,
                });
                fates.push((kept.kind, Fate::Refused));
                continue;
            }
            let Row {
                kind,
                mut row,
                rule,
                ..
            } = kept;
            let fate = match old {
                None => {
                    stamp(&mut row, self.now, self.now);
                    Fate::Added
                }
                Some(_) if rule == Rule::Missing => Fate::Unchanged,
                Some(old) => renew(&mut row, old, self.now),
            };
            fates.push((kind, fate));
            if fate != Fate::Unchanged {
                writes.push(row);
            }
        }
        if !writes.is_empty() {
            self.put(writes).await?;
        }
        for (kind, fate) in fates {
            self.report.count(kind, fate);
        }
        Ok(problems)
    }

    /// Notes the SKUs of a product that is to be written in place of `old`; the inner error is why
    /// it cannot have them.
    async fn claim_skus(
        &mut self,
        row: &CatalogRow,
        old: Option<&CatalogRow>,
    ) -> Result<Result<(), String>, ImportError> {
        let CatalogRow::Product(product) = row else {
            return Ok(Ok(()));
        };
        let old = match old {
            Some(CatalogRow::Product(old)) => Some(&**old),
            _ => None,
        };
        if old.is_some_and(|old| old.skus().eq(product.skus())) {
            return Ok(Ok(()));
        }
        let owners = match &mut self.owners {
            Some(owners) => owners,
            none => none.insert(Owners::read(self.store).await?),
        };
        if let Some((sku, owner)) = owners.taken(product) {
            return Ok(Err(format!(
                "uses SKU {sku}, as does the stored product {owner}"
            )));
        }
        owners.replace(old, product);
        Ok(Ok(()))
    }

    /// Writes rows; they may be written twice without harm.
    async fn put(&self, rows: Vec<CatalogRow>) -> Result<(), ImportError> {
        for _ in 0..REPEATS {
            match self.store.put_catalog(rows.clone()).await {
                Err(store::Error::Unknown(cause)) => {
                    tracing::warn!(cause, "import.write.unknown");
                }
                done => return Ok(done?),
            }
        }
        Ok(self.store.put_catalog(rows).await?)
    }

    pub(super) fn finish(mut self, stopped: bool) -> Report {
        self.report.stopped = stopped;
        self.report
    }
}

/// Gives `row` the times of what it replaces; unchanged if it says the same.
fn renew(row: &mut CatalogRow, mut old: CatalogRow, now: Timestamp) -> Fate {
    let created = times(&mut old).map(|(created, updated)| (*created, *updated));
    if let Some((created, updated)) = created {
        stamp(row, created, updated);
    }
    if *row == old {
        return Fate::Unchanged;
    }
    if let Some((created, _)) = created {
        stamp(row, created, now);
    }
    Fate::Changed
}

fn stamp(row: &mut CatalogRow, created_at: Timestamp, updated_at: Timestamp) {
    if let Some((created, updated)) = times(row) {
        (*created, *updated) = (created_at, updated_at);
    }
}

fn times(row: &mut CatalogRow) -> Option<(&mut Timestamp, &mut Timestamp)> {
    match row {
        CatalogRow::Category(row) => Some((&mut row.created_at, &mut row.updated_at)),
        CatalogRow::Brand(row) => Some((&mut row.created_at, &mut row.updated_at)),
        CatalogRow::Product(row) => Some((&mut row.created_at, &mut row.updated_at)),
        CatalogRow::Currency(_)
        | CatalogRow::TaxRate(_)
        | CatalogRow::ShippingMethod(_)
        | CatalogRow::Promotion(_) => None,
    }
}

/// The currencies of a row's amounts, by field.
fn currencies(row: &CatalogRow) -> Vec<(String, Currency)> {
    let mut all = Vec::new();
    let mut add = |field: String, money: Option<crate::domain::money::Money>| {
        all.extend(money.map(|money| (field, money.currency)));
    };
    match row {
        CatalogRow::Product(product) => {
            add("base_price".into(), Some(product.base_price));
            add("sale_price".into(), product.sale_price);
            for (index, variant) in product.variants.iter().enumerate() {
                add(format!("variants[{index}].price"), Some(variant.price));
                add(format!("variants[{index}].sale_price"), variant.sale_price);
            }
        }
        CatalogRow::ShippingMethod(method) => {
            add("price".into(), Some(method.price));
            add("free_from".into(), method.free_from);
        }
        CatalogRow::Promotion(promotion) => {
            if let Discount::Fixed(amount) = promotion.discount {
                add("amount".into(), Some(amount));
            }
            add("minimum_subtotal".into(), promotion.minimum_subtotal);
        }
        CatalogRow::Currency(_)
        | CatalogRow::Category(_)
        | CatalogRow::Brand(_)
        | CatalogRow::TaxRate(_) => {}
    }
    all
}
