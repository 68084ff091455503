//! The stand-in: Firecracker's command line and API, guests on QEMU.

use standin_cli::exec::{become_qemu, check_qemu};
use standin_cli::launch::Launch;
use standin_cli::program::{self, Limits};
use standin_core::http::server::Server;
use standin_core::log;
use standin_core::preboot::Preboot;

/// The library that is preloaded into QEMU.
static INSIDE: &[u8] = include_bytes!(env!("STANDIN_INSIDE"));

fn run(launch: Launch, preboot: Preboot, server: Server, waiting: Option<usize>, limits: Limits) -> i32 {
    let why = become_qemu(INSIDE, launch, preboot, server, waiting, limits);
    log::error("main", &why);
    1
}

fn main() {
    std::process::exit(program::main(run, check_qemu, false))
}
