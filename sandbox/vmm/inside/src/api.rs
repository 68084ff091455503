//! The API thread: brings the guest to life, answers the request that asked for it, then serves on.

use crate::machine::QemuMachine;
use crate::qmp::Qmp;
use crate::traffic::Traffic;
use serde_json::json;
use standin_core::fault::Data;
use standin_core::handoff::{Handoff, Start};
use standin_core::http::server::{Client, Server};
use standin_core::metrics::Output;
use standin_core::mmds::Mmds;
use standin_core::runtime::{Machine, Running};
use standin_core::{log, serve};
use std::fs::File;
use std::os::unix::io::FromRawFd;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Serves until the process ends.
pub fn run(mut handoff: Handoff, mmds: Arc<Mutex<Mmds>>, traffic: Vec<Arc<Traffic>>) {
    let mut server = take_over(&mut handoff);
    let qmp = match unsafe { Qmp::connect(handoff.qmp) } {
        Ok(qmp) => qmp,
        Err(error) => return log::error("fc_api", &format!("QEMU does not start: {error}")),
    };
    restore_signals();
    let drives = handoff.config.drives.len();
    let mut machine = QemuMachine {
        qmp,
        memory: handoff.memory,
        generations: vec![0; drives],
        traffic,
        disks: vec![Default::default(); drives],
    };
    let begun = Instant::now();
    let (result, deprecated) = match handoff.start {
        Start::Boot => (Ok(()), false),
        Start::Load { devices, resume, deprecated } => (load(&mut machine, devices, resume), deprecated),
    };
    if matches!(handoff.start, Start::Load { .. }) {
        handoff.tally.took("load_snapshot", begun);
    }
    let paused = matches!(handoff.start, Start::Load { resume: false, .. });
    if let Err(why) = &result {
        log::error("fc_api", why);
    }
    if let Some(index) = handoff.waiting {
        let fault = |why| standin_core::fault::Fault::new(format!("Load snapshot error: {why}"));
        let note = deprecated.then_some("PUT /snapshot/load: a deprecated field was used.");
        let result = result.clone().map(|()| Data::Empty).map_err(fault);
        server.respond(index, &serve::respond(result, note));
    }
    if result.is_err() {
        log::error("main", "Firecracker exiting with error. exit_code=1");
        // SAFETY: ends the process at once; QEMU's own clean-up would wait for a guest that never ran.
        unsafe { libc::_exit(1) };
    }
    let mut running = Running {
        instance_id: handoff.instance_id,
        config: handoff.config,
        mmds,
        // SAFETY: the descriptor was inherited for this.
        metrics: handoff.metrics.map(|fd| Output::new(unsafe { File::from_raw_fd(fd) })),
        tally: handoff.tally,
        paused,
        pci: handoff.pci,
        machine,
    };
    server.run(&mut running);
}

fn take_over(handoff: &mut Handoff) -> Server {
    // SAFETY: these descriptors were inherited for this and belong to nobody else.
    unsafe {
        Server {
            listener: handoff.listener.map(|fd| UnixListener::from_raw_fd(fd)),
            clients: handoff.clients.drain(..).map(|(fd, c)| Client::from_fd(fd, c)).collect(),
            limit: handoff.payload_limit,
        }
    }
}

/// Loads the device state; the memory is in place already.
fn load(machine: &mut QemuMachine, devices: i32, resume: bool) -> Result<(), String> {
    let qmp = &mut machine.qmp;
    let events = json!({ "capabilities": [{ "capability": "events", "state": true }] });
    qmp.execute("migrate-set-capabilities", events)?;
    // Firecracker sends no gratuitous ARP after a restore.
    qmp.execute("migrate-set-parameters", json!({ "announce-rounds": 0 }))?;
    qmp.execute("migrate-incoming", json!({ "uri": format!("fd:{devices}") }))?;
    qmp.wait_for_migration()?;
    if resume {
        machine.resume()?;
    }
    Ok(())
}

/// Firecracker dies of SIGTERM and SIGINT like any program; QEMU would shut down and exit 0.
fn restore_signals() {
    // SAFETY: the handler only writes and exits.
    unsafe {
        libc::signal(libc::SIGTERM, libc::SIG_DFL);
        libc::signal(libc::SIGINT, libc::SIG_DFL);
        libc::signal(libc::SIGHUP, standin_core::signals::on_hangup as *const () as libc::sighandler_t);
    }
}
