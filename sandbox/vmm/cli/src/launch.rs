//! Everything that is open and checked when the guest comes to life.

use standin_core::files::{open_append, open_pmem};
use standin_core::model::snapshot::LoadSnapshotConfig;
use standin_core::preboot::Preboot;
use standin_core::resources::VmmConfig;
use standin_core::restore::restore;
use std::fs::File;
use std::io;
use std::os::unix::io::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::net::UnixListener;

/// How the guest comes to life.
pub enum Kind {
    Boot,
    Load {
        /// QEMU's device state.
        devices: Vec<u8>,
        resume: bool,
        deprecated: bool,
    },
}

/// A guest that can be started.
pub struct Launch {
    pub kind: Kind,
    pub config: VmmConfig,
    /// Its devices are on a PCI bus, by what the caller is told.
    pub pci: bool,
    /// The file behind the guest's memory.
    pub memory: File,
    /// Open taps, by interface id.
    pub taps: Vec<(String, File)>,
    /// Where the other end of the vsock device listens.
    pub vsock: Option<UnixListener>,
    /// Where the serial console goes.
    pub console: File,
}

/// Prepares a boot. The error is the text after `Start microvm error: `.
pub fn boot(preboot: &mut Preboot) -> Result<Launch, String> {
    let internal = |e: io::Error| format!("Internal error while starting microVM: {e}");
    for pmem in &preboot.config.pmem {
        open_pmem(pmem).map_err(|why| format!("Cannot create pmem device: {why}"))?;
    }
    let config = preboot.config.clone();
    let memory = memory_file("guest-memory").map_err(internal)?;
    memory.set_len(config.memory_bytes()).map_err(internal)?;
    Ok(Launch {
        kind: Kind::Boot,
        config,
        pci: preboot.pci,
        memory,
        taps: std::mem::take(&mut preboot.taps),
        vsock: preboot.vsock.take(),
        console: console(preboot)
            .map_err(|e| format!("Failed to create device manager: Error with EventFd: {e}"))?,
    })
}

/// Prepares a load. The error is the text after `Load snapshot error: `.
pub fn load(preboot: &Preboot, params: &LoadSnapshotConfig) -> Result<Launch, String> {
    let restored = restore(params, preboot.guestless)?;
    let failed = |e: io::Error| format!("Failed to restore from snapshot: {e}");
    Ok(Launch {
        kind: Kind::Load {
            devices: restored.devices,
            resume: params.resume_vm,
            deprecated: params.mem_file_path.is_some() || params.enable_diff_snapshots,
        },
        config: restored.config,
        pci: restored.pci,
        memory: restored.memory,
        taps: restored.taps,
        vsock: restored.vsock,
        console: console(preboot).map_err(failed)?,
    })
}

/// The guest's console: the file that was asked for, else stdout.
fn console(preboot: &Preboot) -> io::Result<File> {
    if let Some(path) = &preboot.serial {
        return open_append(path);
    }
    duplicate(1).or_else(|_| File::options().write(true).open("/dev/null"))
}

/// A further descriptor of an open file.
pub fn duplicate(fd: RawFd) -> io::Result<File> {
    // SAFETY: a plain system call; the new descriptor is owned from here on.
    unsafe {
        let fd = libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(File::from_raw_fd(fd))
    }
}

/// An anonymous file in memory.
pub fn memory_file(name: &str) -> io::Result<File> {
    let name = std::ffi::CString::new(name)?;
    // SAFETY: a plain system call; the descriptor is owned from here on.
    unsafe {
        let fd = libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(File::from_raw_fd(fd))
    }
}

/// The descriptor of a file that is to stay open for the rest of the process's life.
pub fn leak(file: File) -> RawFd {
    let fd = file.as_raw_fd();
    std::mem::forget(file);
    fd
}
