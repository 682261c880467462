//! The `trefoil` program. Everything is in the library.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    trefoil::commands::run(trefoil::commands::Arguments::parse())
}
