//! The checks of a load: exactly the state file, the memory file, the baked disks and the taps are opened, in the
//! order in which Firecracker does it, with its texts.

use crate::files::{open_disk, open_pmem};
use crate::model::snapshot::{LoadSnapshotConfig, MemBackendType};
use crate::reads::check_supported;
use crate::resources::VmmConfig;
use crate::snapshot::container::{self, ContainerError};
use crate::tap;
use std::fs::File;
use std::os::unix::net::{UnixListener, UnixStream};

/// A snapshot that can be brought to life.
pub struct Restored {
    pub config: VmmConfig,
    /// Its devices are on a PCI bus.
    pub pci: bool,
    /// QEMU's device state.
    pub devices: Vec<u8>,
    /// The memory file, open for reading.
    pub memory: File,
    /// Open taps, by interface id.
    pub taps: Vec<(String, File)>,
    /// Where the other end of its vsock device listens.
    pub vsock: Option<UnixListener>,
}

/// Opens everything a snapshot needs. The error is the text after `Load snapshot error: `.
pub fn restore(params: &LoadSnapshotConfig, guestless: bool) -> Result<Restored, String> {
    let failed = "Failed to restore from snapshot";
    let state = |why: String| format!("{failed}: Failed to get snapshot state from file: {why}");
    let file =
        File::open(&params.snapshot_path).map_err(|e| state(format!("Failed to open snapshot file: {e}")))?;
    let unread = |e: ContainerError| state(format!("Failed to load snapshot state from file: {}", e.text()));
    let bytes = container::read_bytes(file).map_err(unread)?;
    let (header, devices) = container::decode(&bytes).map_err(unread)?;
    let pci = header.pci;
    let mut config = header.config;
    for wanted in &params.network_overrides {
        let nets = &mut config.network_interfaces;
        match nets.iter_mut().find(|net| net.iface_id == wanted.iface_id) {
            Some(net) => net.host_dev_name = wanted.host_dev_name.clone(),
            None => return Err(state("Unknown Network Device.".to_string())),
        }
    }
    if let Some(wanted) = &params.vsock_override {
        match &mut config.vsock {
            Some(vsock) => vsock.uds_path = wanted.uds_path.clone(),
            None => return Err(state("Unknown Vsock Device.".to_string())),
        }
    }
    if let Some(machine) = &mut config.machine_config {
        machine.track_dirty_pages = params.track_dirty_pages || params.enable_diff_snapshots;
    }
    let memory = open_memory(params, config.memory_bytes())
        .map_err(|why| format!("{failed}: Failed to load guest memory: {why}"))?;
    let devices_failed = |why: String| {
        format!(
            "{failed}: Failed to build microVM from snapshot: Failed to restore devices: Error \
             restoring {} devices: {why}",
            if pci { "PCI" } else { "MMIO" }
        )
    };
    for drive in &config.drives {
        open_disk(drive.path(), drive.read_only()).map_err(|why| devices_failed(format!("Block: {why}")))?;
    }
    let mut taps = Vec::new();
    for net in &config.network_interfaces {
        let (tap, _) = tap::open(&net.host_dev_name)
            .map_err(|why| devices_failed(format!("Net: Failed to create a network device: {why}")))?;
        taps.push((net.iface_id.clone(), tap));
    }
    check_supported(&config, false, guestless).map_err(|fault| devices_failed(fault.message))?;
    let vsock = config.vsock.as_ref().map(|vsock| UnixListener::bind(&vsock.uds_path)).transpose();
    let unbound = |e| format!("VsockUnixBackend: Error binding to the host-side Unix socket: {e}");
    let vsock = vsock.map_err(|e| devices_failed(unbound(e)))?;
    for pmem in &config.pmem {
        open_pmem(pmem).map_err(|why| devices_failed(format!("Pmem: Error creating Pmem devie: {why}")))?;
    }
    Ok(Restored { config, pci, devices: devices.to_vec(), memory, taps, vsock })
}

fn open_memory(params: &LoadSnapshotConfig, size: u64) -> Result<File, String> {
    let backend = params.mem_backend.as_ref();
    let path = backend.map(|b| &b.backend_path).or(params.mem_file_path.as_ref().map(|path| &path.0));
    let path = path.map_or("", String::as_str);
    if backend.map_or(false, |b| b.backend_type == MemBackendType::Uffd) {
        let prefix = "Error creating guest memory from uffd:";
        return Err(match UnixStream::connect(path) {
            Err(e) => format!("{prefix} Failed to connect to UDS Unix stream: {e}"),
            Ok(_) => {
                format!("{prefix} The requested operation is not supported: userfaultfd is not emulated")
            }
        });
    }
    let fault = |why: String| format!("Error creating guest memory from file: {why}");
    let open = |e: std::io::Error| fault(format!("Failed to load guest memory: {e}"));
    let file = File::open(path).map_err(open)?;
    if file.metadata().map_err(open)?.len() < size {
        return Err(fault(
            "Failed to restore guest memory: Total sum of memory regions exceeds largest possible \
             file offset"
                .to_string(),
        ));
    }
    Ok(file)
}
