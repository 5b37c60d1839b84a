//! Shopify's product export: rows of one handle, one after the other, make a product.
//!
//! Columns are found by name. One broken row refuses its whole product, so that none is sold with
//! half of its variants.

mod product;
mod rows;

use super::entry::{Entry, Problem};
use super::report::{Kind, Place};
use super::{Entries, ImportError, check};
use crate::domain::money::Currency;
use rows::{HANDLE, Row, Rows};
use std::io::{self, Read};

/// More rows than the limits on variants and pictures allow are not kept.
const MAX_ROWS: usize = check::MAX_VARIANTS * 2;

/// Reads product by product.
pub(super) struct Reader<R> {
    rows: Rows<R>,
    currency: Currency,
    ahead: Option<Row>,
}

impl<R: Read> Reader<R> {
    /// # Errors
    /// [`ImportError::MissingColumns`], [`ImportError::Read`].
    pub(super) fn open(file: &str, input: R, currency: Currency) -> Result<Self, ImportError> {
        let mut rows = Rows::open(file, input)?;
        let ahead = rows.next().map_err(|source| ImportError::Read {
            file: file.to_owned(),
            source,
        })?;
        Ok(Self {
            rows,
            currency,
            ahead,
        })
    }
}

impl<R: Read + Send> Entries for Reader<R> {
    fn next(&mut self) -> io::Result<Option<Entry>> {
        let Some(first) = self.ahead.take() else {
            return Ok(None);
        };
        let line = first.line();
        let mut group = vec![first];
        let mut dropped = None;
        while let Some(row) = self.rows.next()? {
            if !row.continues(&group[0]) {
                self.ahead = Some(row);
                break;
            }
            if group.len() < MAX_ROWS {
                group.push(row);
            } else {
                dropped.get_or_insert(row);
            }
        }
        let content = match dropped {
            None => product::content(&group, self.currency),
            Some(row) => Err(Problem {
                line: row.line(),
                place: row.place(HANDLE),
                message: format!("must not name more than {MAX_ROWS} rows"),
            }),
        };
        Ok(Some(Entry {
            line,
            kind: Kind::Product,
            content,
        }))
    }

    fn read(&self) -> u64 {
        self.rows.read()
    }
}

impl Row {
    fn problem(&self, column: &'static str, message: impl Into<String>) -> Problem {
        Problem {
            line: self.line(),
            place: self.place(column),
            message: message.into(),
        }
    }

    fn place(&self, column: &'static str) -> Place {
        match self.number(column) {
            Some(number) => Place::Column(number, column),
            None => Place::Line,
        }
    }
}
