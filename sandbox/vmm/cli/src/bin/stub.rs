//! The stub: the same command line and API, no guest. Everything a guest would need is opened and checked, and the
//! memory file is mapped copy-on-write; a start or a load is answered at once.

use standin_cli::launch::{Kind, Launch};
use standin_cli::program::{self, Limits};
use standin_cli::serve::started;
use standin_core::http::server::{Left, Server};
use standin_core::metrics::{Output, Tally};
use standin_core::preboot::Preboot;
use standin_core::resources::VmmConfig;
use standin_core::runtime::{Machine, Running};
use standin_core::version;
use std::fs::File;
use std::io;
use std::os::unix::io::{AsRawFd, RawFd};
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};

/// A machine that only pretends to run.
struct Nothing {
    size: u64,
    /// Kept open, as a guest would.
    _memory: File,
    _taps: Vec<(String, File)>,
    _vsock: Option<UnixListener>,
    /// What its guest says at its first instruction.
    words: Option<String>,
}

impl Nothing {
    fn speak(&mut self) {
        if let Some(words) = self.words.take() {
            println!("{words}");
        }
    }
}

impl Machine for Nothing {
    fn pause(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn resume(&mut self) -> Result<(), String> {
        self.speak();
        Ok(())
    }

    fn devices(&mut self) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }

    fn write_memory(&mut self, path: &str, _full: bool) -> io::Result<()> {
        File::create(path)?.set_len(self.size)
    }

    fn replace_disk(&mut self, _index: usize, _path: &str, _config: &VmmConfig) -> Result<(), String> {
        Ok(())
    }

    fn balloon(&mut self, _mib: usize) -> Result<(), String> {
        Err("Device not activated yet.".to_string())
    }

    fn count(&mut self, _config: &VmmConfig, _tally: &mut Tally) {}

    fn events(&self) -> Option<RawFd> {
        None
    }

    fn on_events(&mut self) {}
}

fn run(launch: Launch, preboot: Preboot, mut server: Server, waiting: Option<usize>, _: Limits) -> i32 {
    let size = launch.config.memory_bytes();
    // SAFETY: a fresh private mapping that nobody uses.
    unsafe {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_NORESERVE;
        let fd = launch.memory.as_raw_fd();
        libc::mmap(std::ptr::null_mut(), size as usize, protection, flags, fd, 0);
    }
    let (paused, deprecated) = match launch.kind {
        Kind::Boot => (false, false),
        Kind::Load { resume, deprecated, .. } => (!resume, deprecated),
    };
    let mut machine = Nothing {
        size,
        _memory: launch.memory,
        _taps: launch.taps,
        _vsock: launch.vsock,
        words: version::words(),
    };
    if !paused {
        machine.speak();
    }
    let mut running = Running {
        instance_id: preboot.instance_id,
        config: launch.config,
        mmds: Arc::new(Mutex::new(preboot.mmds)),
        metrics: preboot.metrics.map(Output::new),
        tally: preboot.tally,
        paused,
        pci: launch.pci,
        machine,
    };
    if let Some(index) = waiting {
        server.respond(index, &started(deprecated));
    }
    match server.run(&mut running) {
        Left::Exit(code) => code,
        Left::Handoff(_) => 0,
    }
}

fn main() {
    std::process::exit(program::main(run, || Ok(()), true))
}
