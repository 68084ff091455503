//! Becoming QEMU: the process replaces its program and keeps its pid, its arguments and its open files.

use crate::launch::{duplicate, leak, memory_file, Kind, Launch};
use crate::program::Limits;
use standin_core::handoff::*;
use standin_core::http::server::Server;
use standin_core::log;
use standin_core::preboot::Preboot;
use standin_core::qemu::args::{arguments, Descriptors};
use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::io::{AsRawFd, IntoRawFd, RawFd};
use std::os::unix::net::{UnixDatagram, UnixStream};

/// Where Debian's package qemu-system-x86 puts it.
pub const QEMU: &str = "/usr/bin/qemu-system-x86_64";

/// Refuses a host without QEMU.
pub fn check_qemu() -> Result<(), String> {
    if std::path::Path::new(QEMU).exists() {
        return Ok(());
    }
    Err(format!("{QEMU} is missing: install the package qemu-system-x86"))
}

/// Replaces the program. It returns only when that fails.
pub fn become_qemu(
    library: &[u8],
    launch: Launch,
    preboot: Preboot,
    server: Server,
    waiting: Option<usize>,
    limits: Limits,
) -> String {
    match prepare(library, launch, preboot, server, waiting, limits) {
        Ok((environment, words)) => exec(&environment, &words),
        Err(why) => why,
    }
}

type Prepared = (Vec<CString>, Vec<CString>);

fn prepare(
    library: &[u8],
    launch: Launch,
    preboot: Preboot,
    server: Server,
    waiting: Option<usize>,
    limits: Limits,
) -> Result<Prepared, String> {
    let io = |e: io::Error| e.to_string();
    let (qmp, qemu_qmp) = UnixStream::pair().map_err(io)?;
    let mut nets = Vec::new();
    let mut descriptors = Descriptors { qmp: qemu_qmp.into_raw_fd(), nets: Vec::new() };
    for (iface_id, tap) in launch.taps {
        let (guest, qemu) = UnixDatagram::pair().map_err(io)?;
        let known = launch.config.network_interfaces.iter().find(|net| net.iface_id == iface_id);
        let mac = match known.and_then(|net| net.guest_mac) {
            Some(mac) => mac.to_string(),
            None => random_mac().map_err(io)?,
        };
        descriptors.nets.push((qemu.into_raw_fd(), mac));
        nets.push(Net { iface_id, tap: leak(tap), guest: guest.into_raw_fd() });
    }
    let loading = matches!(launch.kind, Kind::Load { .. });
    let arguments = arguments(&launch.config, &descriptors, loading)?;
    let start = match launch.kind {
        Kind::Boot => Start::Boot,
        Kind::Load { devices, resume, deprecated } => {
            Start::Load { devices: filled("devices", &devices).map_err(io)?, resume, deprecated }
        }
    };
    let library = filled("standin-inside", library).map_err(io)?;
    let (log, level, log_show_level) = log::state();
    let version = standin_core::version::current();
    let handoff = Handoff {
        comm: std::fs::read_to_string("/proc/self/comm").map_err(io)?,
        instance_id: preboot.instance_id,
        arguments,
        start,
        config: launch.config,
        nets,
        memory: Memory { file: leak(launch.memory), own: !loading },
        console: leak(launch.console),
        qmp: qmp.into_raw_fd(),
        listener: server.listener.map(IntoRawFd::into_raw_fd),
        clients: server.clients.into_iter().map(|c| (c.stream.into_raw_fd(), c.connection)).collect(),
        waiting,
        version: version.firecracker,
        format: version.format,
        pci: launch.pci,
        payload_limit: limits.payload,
        mmds_limit: limits.mmds,
        mmds: preboot.mmds.data().cloned(),
        log: log.map(duplicate).transpose().map_err(io)?.map(leak),
        log_level: level_name(level),
        log_show_level,
        metrics: preboot.metrics.map(leak),
        tally: preboot.tally,
        library,
    };
    let state = filled("state", &serde_json::to_vec(&handoff).map_err(|e| e.to_string())?).map_err(io)?;
    let inherited = [state, library, descriptors.qmp, handoff.qmp, handoff.console, handoff.memory.file];
    inherited.iter().for_each(|fd| set_inherited(*fd, true));
    if let Start::Load { devices, .. } = handoff.start {
        set_inherited(devices, true);
    }
    descriptors.nets.iter().for_each(|(fd, _)| set_inherited(*fd, true));
    for net in &handoff.nets {
        set_inherited(net.tap, true);
        set_inherited(net.guest, true);
    }
    let clients = handoff.clients.iter().map(|(fd, _)| *fd);
    let optional = [handoff.listener, handoff.log, handoff.metrics];
    let rest = clients.chain(optional.into_iter().flatten());
    rest.for_each(|fd| set_inherited(fd, true));
    Ok((environment(library, state), words(std::env::args_os())))
}

/// The caller's environment and the two variables that the preloaded library takes out again.
fn environment(library: RawFd, state: RawFd) -> Vec<CString> {
    let own =
        [format!("LD_PRELOAD=/proc/self/fd/{library}").into(), format!("{STATE_VARIABLE}={state}").into()];
    let inherited = std::env::vars_os().filter(|(name, _)| name != "LD_PRELOAD").map(|(name, value)| {
        let mut both = name;
        both.push("=");
        both.push(value);
        both
    });
    words(inherited.chain(own))
}

fn words(strings: impl Iterator<Item = OsString>) -> Vec<CString> {
    strings.filter_map(|s| CString::new(s.into_vec()).ok()).collect()
}

fn exec(environment: &[CString], words: &[CString]) -> String {
    let pointers = |strings: &[CString]| -> Vec<*const libc::c_char> {
        let ends = std::iter::once(std::ptr::null());
        strings.iter().map(|s| s.as_ptr()).chain(ends).collect()
    };
    let program = match CString::new(QEMU) {
        Ok(program) => program,
        Err(error) => return error.to_string(),
    };
    // SAFETY: both vectors are terminated and outlive the call.
    unsafe { libc::execve(program.as_ptr(), pointers(words).as_ptr(), pointers(environment).as_ptr()) };
    format!("cannot execute {QEMU}: {}", io::Error::last_os_error())
}

/// A file in memory with this content; it stays open.
fn filled(name: &str, content: &[u8]) -> io::Result<RawFd> {
    use std::io::Seek;
    let mut file = memory_file(name)?;
    file.write_all(content)?;
    file.rewind()?;
    debug_assert!(file.as_raw_fd() > 2);
    Ok(leak(file))
}

/// A locally administered address for an interface that was given none.
fn random_mac() -> io::Result<String> {
    let mut bytes = [0u8; 6];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    bytes[0] = bytes[0] & 0xfc | 2;
    Ok(standin_core::model::net::MacAddr(bytes).to_string())
}
