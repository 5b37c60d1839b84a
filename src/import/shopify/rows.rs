//! Rows of a CSV, whose cells are found by the name of their column.

use super::super::{ImportError, MAX_RECORD};
use crate::import::entry::Problem;
use csv::ByteRecord;
use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;

pub(super) const HANDLE: &str = "Handle";
pub(super) const TITLE: &str = "Title";
pub(super) const PRICE: &str = "Variant Price";

const REQUIRED: [&str; 3] = [HANDLE, TITLE, PRICE];

/// The columns' places, from 0, by name in lower case.
type Header = Arc<HashMap<String, usize>>;

pub(super) struct Rows<R> {
    csv: csv::Reader<Metered<R>>,
    header: Header,
    columns: usize,
}

/// One row.
pub(super) struct Row {
    header: Header,
    columns: usize,
    record: ByteRecord,
    line: u64,
}

impl<R: Read> Rows<R> {
    pub(super) fn open(file: &str, input: R) -> Result<Self, ImportError> {
        let metered = Metered {
            input,
            read: 0,
            since: 0,
            last: b'\n',
        };
        // Cells are trimmed of the other half of a Windows line end.
        let mut csv = csv::ReaderBuilder::new()
            .flexible(true)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(metered);
        let names = csv.byte_headers().map_err(|error| ImportError::Read {
            file: file.to_owned(),
            source: error.into(),
        })?;
        let columns = names.len();
        let mut header = HashMap::new();
        for (place, name) in names.iter().enumerate() {
            let name = String::from_utf8_lossy(name).trim().to_lowercase();
            header.entry(name).or_insert(place);
        }
        let lacks = |name: &&str| !header.contains_key(&name.to_lowercase());
        let missing: Vec<_> = REQUIRED.into_iter().filter(lacks).collect();
        if !missing.is_empty() {
            return Err(ImportError::MissingColumns {
                file: file.to_owned(),
                columns: missing,
            });
        }
        Ok(Self {
            csv,
            header: Arc::new(header),
            columns,
        })
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Row>> {
        let mut record = ByteRecord::new();
        loop {
            self.csv.get_mut().since = 0;
            if !self.csv.read_byte_record(&mut record)? {
                return Ok(None);
            }
            if record.len() > 1 || !record.as_slice().trim_ascii().is_empty() {
                break;
            }
        }
        // The record's own position is that of blank lines before it, so it is told from its end.
        let breaks = record.as_slice().iter().filter(|byte| **byte == b'\n');
        let lines = breaks.count() as u64 + 1;
        let line = self.csv.position().line().saturating_sub(lines);
        Ok(Some(Row {
            header: Arc::clone(&self.header),
            columns: self.columns,
            record,
            line,
        }))
    }

    pub(super) fn read(&self) -> u64 {
        self.csv.get_ref().read
    }
}

impl Row {
    /// The line on which it begins.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The number of a column, from 1.
    pub(super) fn number(&self, column: &'static str) -> Option<usize> {
        let place = self.header.get(&column.to_lowercase());
        place.map(|place| place + 1)
    }

    fn bytes(&self, column: &'static str) -> &[u8] {
        let place = self.header.get(&column.to_lowercase());
        let cell = place.and_then(|place| self.record.get(*place));
        cell.unwrap_or_default().trim_ascii()
    }

    /// The cell, trimmed; empty where there is none.
    pub(super) fn cell(&self, column: &'static str) -> Result<&str, Problem> {
        std::str::from_utf8(self.bytes(column)).map_err(|_| self.problem(column, "must be UTF-8"))
    }

    /// Whether it belongs to the same product as `first`.
    pub(super) fn continues(&self, first: &Self) -> bool {
        !self.bytes(HANDLE).is_empty() && self.bytes(HANDLE) == first.bytes(HANDLE)
    }

    /// Whether it has a cell for each column.
    pub(super) fn whole(&self) -> Result<(), Problem> {
        let (has, must) = (self.record.len(), self.columns);
        if has == must {
            Ok(())
        } else {
            let message = format!("must have {must} columns, as the header has, not {has}");
            Err(Problem {
                line: self.line,
                place: crate::import::Place::Line,
                message,
            })
        }
    }
}

/// Counts what is read, ends the last line if the file does not, and fails rather than hold a row
/// without end, as a lost quote makes it.
struct Metered<R> {
    input: R,
    read: u64,
    since: usize,
    last: u8,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since > MAX_RECORD {
            let message = format!("a row is longer than {MAX_RECORD} bytes: is a quote missing?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let count = self.input.read(buffer)?;
        self.since += count;
        self.read += count as u64;
        if let Some(last) = buffer[..count].last() {
            self.last = *last;
        } else if self.last != b'\n'
            && let Some(first) = buffer.first_mut()
        {
            (*first, self.last) = (b'\n', b'\n');
            return Ok(1);
        }
        Ok(count)
    }
}
