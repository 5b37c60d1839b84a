//! What customers were told, one JSON object a line: written while they shop, by this program or by
//! the k6 scripts, read by the check. It knows nothing of the API.

use crate::Failure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lines of a cart, by their ids.
pub(crate) type Lines = BTreeMap<String, Line>;

/// A line of a cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) sku: String,
    pub(crate) quantity: u64,
}

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    Cart,
    Order,
}

/// One line. A customer asks for one change at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// What there was to sell before anybody came, in units.
    Stock {
        product_id: String,
        sku: String,
        left: u64,
    },
    /// Somebody has registered.
    Customer { email: String, password: String },
    /// A change is about to be asked for. Without an answer after it, nobody knows what became of it.
    Asked { email: String, what: What },
    /// The cart was changed, and is this now.
    Cart { email: String, lines: Lines },
    /// Everything in the cart was ordered: units by their SKUs, and the total in minor units.
    Order {
        email: String,
        id: String,
        units: BTreeMap<String, u64>,
        total: u64,
    },
    /// Nothing has changed, and nothing will.
    Refused { email: String },
}

/// Writes a record. What it is told is in the file once it is flushed or dropped.
pub(crate) struct Recorder(Mutex<BufWriter<File>>);

impl Recorder {
    /// Goes on with a file, which is made when missing.
    pub(crate) fn append(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Mutex::new(BufWriter::new(file))))
    }

    /// Notes what happened.
    pub(crate) fn write(&self, event: &Event) -> Result<(), Failure> {
        let mut line = serde_json::to_string(event)?;
        line.push('\n');
        Ok(self.file().write_all(line.as_bytes())?)
    }

    pub(crate) fn flush(&self) -> Result<(), Failure> {
        Ok(self.file().flush()?)
    }

    fn file(&self) -> MutexGuard<'_, BufWriter<File>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything in a record.
pub(crate) fn read(path: &Path) -> Result<Vec<Event>, Failure> {
    let mut events = Vec::new();
    for (number, line) in BufReader::new(File::open(path)?).lines().enumerate() {
        let event = serde_json::from_str(&line?);
        let place = format!("{}:{}", path.display(), number + 1);
        events.push(event.map_err(|error| Failure::Record(place, error))?);
    }
    Ok(events)
}
