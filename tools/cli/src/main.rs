//! The `tidegate` command. Everything is in the library beside it, so that tests can use the same parts.

use std::process::ExitCode;

fn main() -> ExitCode {
    tidegate_cli::main()
}
