//! The `cartwright` program.

use mimalloc::MiMalloc;
use std::process::ExitCode;

// Actors are freed on other threads than they were made on, which this one takes well.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    cartwright::app::main()
}
