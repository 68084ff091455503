//! What the process image that serves the API before the start hands to the one that runs the guest. The process
//! stays the same: descriptors are inherited, everything else is JSON in a memory file.

use crate::http::Connection;
use crate::metrics::Tally;
use crate::model::logger::LevelFilter;
use crate::resources::VmmConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::os::unix::io::RawFd;

/// The environment variable that holds the descriptor of the JSON.
pub const STATE_VARIABLE: &str = "HORNET_VMM_STATE";

/// How the guest comes to life.
#[derive(Debug, Serialize, Deserialize)]
pub enum Start {
    Boot,
    Load {
        /// Holds QEMU's device state.
        devices: RawFd,
        resume: bool,
        deprecated: bool,
    },
}

/// The descriptors of one interface.
#[derive(Debug, Serialize, Deserialize)]
pub struct Net {
    pub iface_id: String,
    pub tap: RawFd,
    /// Frames from and to QEMU.
    pub guest: RawFd,
}

/// The memory that a snapshot is made of.
#[derive(Debug, Serialize, Deserialize)]
pub struct Memory {
    /// The file behind the guest's memory.
    pub file: RawFd,
    /// It is this guest's own and holds everything, else it is mapped copy-on-write.
    pub own: bool,
}

/// The whole state.
#[derive(Debug, Serialize, Deserialize)]
pub struct Handoff {
    /// The process's name, as `ps` shows it.
    pub comm: String,
    pub instance_id: String,
    /// QEMU's arguments.
    pub arguments: Vec<String>,
    pub start: Start,
    pub config: VmmConfig,
    pub nets: Vec<Net>,
    pub memory: Memory,
    pub console: RawFd,
    pub qmp: RawFd,
    pub listener: Option<RawFd>,
    pub clients: Vec<(RawFd, Connection)>,
    /// The client whose request started the guest.
    pub waiting: Option<usize>,
    /// The version of Firecracker, and its snapshot format.
    pub version: String,
    pub format: u64,
    pub pci: bool,
    pub payload_limit: usize,
    pub mmds_limit: usize,
    pub mmds: Option<Value>,
    pub log: Option<RawFd>,
    pub log_level: String,
    pub log_show_level: bool,
    pub metrics: Option<RawFd>,
    pub tally: Tally,
    /// The preloaded library itself; not needed any more.
    pub library: RawFd,
}

/// A level as text, for the way through JSON.
pub fn level_name(level: LevelFilter) -> String {
    format!("{level:?}")
}

/// Lets a descriptor survive `execve`, or not.
pub fn set_inherited(fd: RawFd, inherited: bool) {
    let flags = if inherited { 0 } else { libc::FD_CLOEXEC };
    // SAFETY: a plain system call.
    unsafe { libc::fcntl(fd, libc::F_SETFD, flags) };
}
