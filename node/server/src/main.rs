//! The `trefoil` program. Everything is in the library.

use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    trefoil::commands::run(trefoil::commands::Arguments::parse())
}
