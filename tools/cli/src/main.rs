//! The `tidegate` command. Everything is in the library beside it, so that tests can use the same parts.

use std::process::ExitCode;

use tidegate_perf::allocations::CountingAllocator;

/// `tidegate bench engine` reports allocations, so the program counts them: the system's allocator behind one addition to a
/// number of the thread's own, which shares no cache line and costs a node nothing where it allocates nothing.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    tidegate_cli::main()
}
