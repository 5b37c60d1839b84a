//! `cartwright generate`: an invented catalogue, to standard output.

use crate::config::GenerateArgs;
use crate::import::generate::Generator;
use std::io::{self, BufWriter, ErrorKind};

/// Writes it as it is made. A reader that has seen enough is no error.
///
/// # Errors
/// Standard output's.
pub(super) fn generate(arguments: GenerateArgs) -> io::Result<()> {
    let generator = Generator::new(arguments.seed, arguments.products);
    let mut output = BufWriter::new(io::stdout().lock());
    match generator.write_ndjson(&mut output) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
