//! The `tidegate` command. Everything is in the library beside it, so that tests can use the same parts.

use std::process::ExitCode;

use tidegate_memory::Allocator;

/// Large pages for the engine's tables, and a count for `tidegate bench engine`.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> ExitCode {
    tidegate_cli::main()
}
