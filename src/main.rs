//! The `palabre` program.

use std::process::ExitCode;

/// Most of what a message needs is made by one thread and freed by another: this costs less than with the system's own
/// allocator, and an idle connection keeps less (decision 13).
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    palabre::cli::run()
}
