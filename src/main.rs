//! The `cartwright` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    cartwright::app::main()
}
