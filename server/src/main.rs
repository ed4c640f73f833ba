//! The binary `quarterdeck`: reads the command line and hands over.

use std::process::ExitCode;

use clap::Parser;
use server::commands::Command;

/// Gives back what a burst took: pages of many connections, a password's 19 MiB, the parts of a dump. The system's allocator keeps them, an
/// arena for each thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // One TLS provider for all libraries, before any of them looks for it: with two linked in and none chosen they panic.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("quarterdeck: another TLS provider was installed first");
        return ExitCode::FAILURE;
    }
    let command = Command::parse();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(command.run()),
        Err(err) => {
            eprintln!("quarterdeck: the runtime cannot start: {err}");
            ExitCode::FAILURE
        }
    }
}
