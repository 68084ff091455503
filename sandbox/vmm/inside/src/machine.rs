//! The guest as the API sees it, driven over QMP.

use crate::files;
use crate::qmp::Qmp;
use crate::traffic::Traffic;
use serde_json::json;
use standin_core::handoff::Memory;
use standin_core::metrics::Tally;
use standin_core::model::drive::CacheType;
use standin_core::qemu::args::file_node;
use standin_core::resources::VmmConfig;
use standin_core::runtime::Machine;
use standin_core::snapshot::memory;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::mem::ManuallyDrop;
use std::os::unix::fs::MetadataExt;
use std::os::unix::io::{AsRawFd, FromRawFd, RawFd};
use std::sync::Arc;

/// The running QEMU.
pub struct QemuMachine {
    pub qmp: Qmp,
    pub memory: Memory,
    /// How often each drive got another file.
    pub generations: Vec<usize>,
    pub traffic: Vec<Arc<Traffic>>,
    /// What QEMU had counted of each drive when it was asked last, in the order of DISK_COUNTS.
    pub disks: Vec<[u64; DISK_COUNTS.len()]>,
}

/// What Firecracker calls it, and what QEMU does.
const DISK_COUNTS: [(&str, &str); 5] = [
    ("read_bytes", "rd_bytes"),
    ("read_count", "rd_operations"),
    ("write_bytes", "wr_bytes"),
    ("write_count", "wr_operations"),
    ("flush_count", "flush_operations"),
];

impl Machine for QemuMachine {
    fn pause(&mut self) -> Result<(), String> {
        self.qmp.execute("stop", json!({})).map(drop)
    }

    fn resume(&mut self) -> Result<(), String> {
        self.qmp.execute("cont", json!({})).map(drop)
    }

    fn devices(&mut self) -> Result<Vec<u8>, String> {
        // SAFETY: a plain system call; the descriptor is owned from here on.
        let mut file = unsafe {
            let fd = libc::memfd_create(b"devices\0".as_ptr().cast(), libc::MFD_CLOEXEC);
            if fd < 0 {
                return Err(io::Error::last_os_error().to_string());
            }
            File::from_raw_fd(fd)
        };
        // Not "live": QEMU would give up its disks, and could not be saved a second time.
        let filename = format!("/proc/self/fd/{}", file.as_raw_fd());
        let arguments = json!({ "filename": filename, "live": false });
        self.qmp.execute("xen-save-devices-state", arguments)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        Ok(bytes)
    }

    fn write_memory(&mut self, path: &str, full: bool) -> io::Result<()> {
        let guest = files::guest_memory().ok_or(io::ErrorKind::NotFound)?;
        // SAFETY: the descriptor stays open for the whole life of the process and is not closed here.
        let backing = ManuallyDrop::new(unsafe { File::from_raw_fd(self.memory.file) });
        let file = OpenOptions::new().create(true).write(true).open(path)?;
        let (target, source) = (file.metadata()?, backing.metadata()?);
        let itself = target.dev() == source.dev() && target.ino() == source.ino();
        let holes = full && !itself;
        if holes {
            file.set_len(0)?;
        }
        let ranges = if self.memory.own { memory::data_ranges(&backing)? } else { vec![(0, guest.len())] };
        memory::write(guest, &ranges, &file, holes)
    }

    fn replace_disk(&mut self, index: usize, path: &str, config: &VmmConfig) -> Result<(), String> {
        let drive = config.drives.get(index).ok_or("no such drive")?;
        let generation = self.generations.get(index).copied().unwrap_or(0);
        let (old, new) = (file_node(index, generation), file_node(index, generation + 1));
        let cache = json!({ "no-flush": drive.cache_type == CacheType::Unsafe });
        let read_only = drive.read_only();
        let file = json!({
            "driver": "file", "node-name": new, "filename": path, "locking": "off",
            "read-only": read_only, "cache": cache,
        });
        self.qmp.execute("blockdev-add", file)?;
        let raw = json!({
            "driver": "raw", "node-name": format!("d{index}"), "file": new,
            "read-only": read_only, "cache": cache,
        });
        self.qmp.execute("blockdev-reopen", json!({ "options": [raw] }))?;
        if generation > 0 {
            // The first node came with its drive and has gone with the change.
            self.qmp.execute("blockdev-del", json!({ "node-name": old }))?;
        }
        if let Some(generation) = self.generations.get_mut(index) {
            *generation += 1;
        }
        Ok(())
    }

    fn balloon(&mut self, mib: usize) -> Result<(), String> {
        self.qmp.execute("balloon", json!({ "value": (mib as u64) << 20 })).map(drop)
    }

    fn count(&mut self, config: &VmmConfig, tally: &mut Tally) {
        self.traffic.iter().for_each(|traffic| traffic.report(tally));
        let answer = self.qmp.execute("query-blockstats", json!({})).unwrap_or_default();
        let devices = answer.as_array().map_or(&[][..], Vec::as_slice);
        for (index, (drive, seen)) in config.drives.iter().zip(&mut self.disks).enumerate() {
            let node = format!("d{index}");
            let found = devices.iter().find(|one| one["node-name"] == node.as_str());
            for ((name, theirs), before) in DISK_COUNTS.iter().zip(seen) {
                let now = found.and_then(|one| one["stats"][theirs].as_u64()).unwrap_or(*before);
                for group in ["block", &format!("block_{}", drive.drive_id)] {
                    tally.add(group, name, now.saturating_sub(*before));
                }
                *before = now;
            }
        }
    }

    fn events(&self) -> Option<RawFd> {
        Some(self.qmp.fd())
    }

    fn on_events(&mut self) {
        if !self.qmp.drain() {
            // QEMU is ending; there is nobody left to serve.
            std::thread::park();
        }
    }
}
