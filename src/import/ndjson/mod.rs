//! NDJSON: one JSON object a line, with a `type`.
//!
//! Fields are named as in the API's JSON, but for `sale_price`. `demo.ndjson` shows each type. A
//! field that the type does not have is refused, so that a misspelt one is not lost.

mod fields;
mod records;

use super::entry::{Entry, Problem};
use super::report::{Kind, Place};
use super::{Entries, MAX_RECORD};
use fields::Fields;
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read};

/// Reads line by line.
pub(super) struct Reader<R> {
    input: BufReader<R>,
    buffer: Vec<u8>,
    line: u64,
    read: u64,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input: BufReader::new(input),
            buffer: Vec::new(),
            line: 0,
            read: 0,
        }
    }

    /// The next line into the buffer, at most one byte more than is allowed of it.
    fn read_line(&mut self) -> io::Result<bool> {
        const MOST: u64 = MAX_RECORD as u64 + 1;
        self.buffer.clear();
        let mut taken = (&mut self.input).take(MOST);
        taken.read_until(b'\n', &mut self.buffer)?;
        self.read += self.buffer.len() as u64;
        if self.buffer.is_empty() {
            return Ok(false);
        }
        self.line += 1;
        if self.buffer.len() > MAX_RECORD && !self.buffer.ends_with(b"\n") {
            self.read += self.input.skip_until(b'\n')? as u64;
        }
        Ok(true)
    }
}

impl<R: Read + Send> Entries for Reader<R> {
    fn next(&mut self) -> io::Result<Option<Entry>> {
        while self.read_line()? {
            let bytes = match self.buffer.strip_prefix(b"\xef\xbb\xbf") {
                Some(rest) if self.line == 1 => rest,
                _ => &self.buffer,
            };
            if !bytes.trim_ascii().is_empty() {
                return Ok(Some(entry(bytes, self.line)));
            }
        }
        Ok(None)
    }

    fn read(&self) -> u64 {
        self.read
    }
}

fn entry(bytes: &[u8], line: u64) -> Entry {
    let refused = |kind, place, message| Entry {
        line,
        kind,
        content: Err(Problem {
            line,
            place,
            message,
        }),
    };
    if bytes.len() > MAX_RECORD {
        let message = format!("must be at most {MAX_RECORD} bytes");
        return refused(Kind::Unknown, Place::Line, message);
    }
    let map = match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => map,
        Ok(_) => {
            let message = "must be a JSON object".to_owned();
            return refused(Kind::Unknown, Place::Line, message);
        }
        Err(error) => {
            let text = error.to_string();
            // The position is told apart from the message.
            let message = text
                .rsplit_once(" at line ")
                .map_or(&*text, |(text, _)| text);
            return refused(
                Kind::Unknown,
                Place::Byte(error.column()),
                message.to_owned(),
            );
        }
    };
    let mut fields = Fields::new(map);
    let kind = match records::kind(&mut fields) {
        Ok(kind) => kind,
        Err(wrong) => return refused(Kind::Unknown, Place::Field(wrong.field), wrong.message),
    };
    match records::content(kind, fields, line) {
        Ok(content) => Entry {
            line,
            kind,
            content: Ok(content),
        },
        Err(wrong) => refused(kind, Place::Field(wrong.field), wrong.message),
    }
}
