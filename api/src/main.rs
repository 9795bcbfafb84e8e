//! The program: an allocator, a cryptography provider, a runtime, and a command.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use windlass_api::cli::Cli;
use windlass_api::config::Surroundings;

// Thousands of small JSON values a second are what a worker allocates.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let around = Surroundings::read();
    // A second installation would be refused, and there is none before this.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            use std::io::Write;
            let _ = writeln!(
                std::io::stderr(),
                "error[runtime]: no threads to run on: {error}"
            );
            return ExitCode::FAILURE;
        }
    };
    let exit = runtime.block_on(cli.run(around));
    // Reads of standard input block for ever; they must not hold the end of the process.
    runtime.shutdown_background();
    exit.into()
}
