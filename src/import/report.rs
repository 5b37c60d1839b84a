//! What became of an import: counts, and what was refused and where.

use super::entry::Problem;
use super::progress::Progress;
use std::collections::BTreeMap;
use std::fmt;

/// What kind of record it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the record that it names")]
pub enum Kind {
    Category,
    Brand,
    Product,
    /// Counted per item, whether a record of its own or part of a product or promotion.
    Stock,
    TaxRate,
    ShippingMethod,
    Promotion,
    /// So broken that it does not show.
    Unknown,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Category => "category",
            Self::Brand => "brand",
            Self::Product => "product",
            Self::Stock => "stock",
            Self::TaxRate => "tax_rate",
            Self::ShippingMethod => "shipping_method",
            Self::Promotion => "promotion",
            Self::Unknown => "unknown",
        })
    }
}

/// What became of the records of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Were not there.
    pub added: u64,
    /// Were there and different.
    pub changed: u64,
    /// Were there already, equal.
    pub unchanged: u64,
    /// Could not be taken.
    pub refused: u64,
}

/// What became of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Added,
    Changed,
    Unchanged,
    Refused,
}

/// What became of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// By kind; kinds that did not occur are left out.
    pub counts: BTreeMap<Kind, Counts>,
    /// Whether it stopped at a refused record.
    pub stopped: bool,
}

impl Report {
    pub(super) fn count(&mut self, kind: Kind, fate: Fate) {
        let counts = self.counts.entry(kind).or_default();
        *match fate {
            Fate::Added => &mut counts.added,
            Fate::Changed => &mut counts.changed,
            Fate::Unchanged => &mut counts.unchanged,
            Fate::Refused => &mut counts.refused,
        } += 1;
    }

    /// Over all kinds.
    #[must_use]
    pub fn total(&self) -> Counts {
        let sum = |part: fn(&Counts) -> u64| self.counts.values().map(part).sum();
        Counts {
            added: sum(|counts| counts.added),
            changed: sum(|counts| counts.changed),
            unchanged: sum(|counts| counts.unchanged),
            refused: sum(|counts| counts.refused),
        }
    }
}

/// A line for each kind.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, counts) in &self.counts {
            let Counts {
                added,
                changed,
                unchanged,
                refused,
            } = counts;
            writeln!(
                f,
                "{kind}: {added} added, {changed} changed, {unchanged} unchanged, {refused} refused"
            )?;
        }
        Ok(())
    }
}

/// Where in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The whole of it.
    Line,
    /// A column of a CSV: its number, from 1, and its name.
    Column(usize, &'static str),
    /// A field of a JSON record, `variants[0].price.amount`.
    Field(String),
    /// A byte of malformed JSON, from 1.
    Byte(usize),
}

/// A record that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// Where in the line.
    pub place: Place,
    /// What it must be.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        match &self.place {
            Place::Line => {}
            Place::Column(number, name) => write!(f, "column {number} ({name}) ")?,
            Place::Field(field) => write!(f, "{field} ")?,
            Place::Byte(byte) => write!(f, "column {byte}: ")?,
        }
        f.write_str(&self.message)
    }
}

pub(super) fn tell(file: &str, problems: Vec<Problem>, progress: &mut dyn Progress) {
    for problem in problems {
        progress.refused(&Refusal {
            file: file.to_owned(),
            line: problem.line,
            place: problem.place,
            message: problem.message,
        });
    }
}
