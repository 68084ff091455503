//! The API while the guest runs.

use crate::action::{Action, Runtime};
use crate::fault::{Data, Fault, POST_BOOT};
use crate::files::open_disk;
use crate::http::server::{Handler, Reply};
use crate::http::Request;
use crate::metrics::{Output, Tally};
use crate::mmds::store::MmdsError;
use crate::mmds::Mmds;
use crate::model::drive::BlockDeviceUpdateConfig;
use crate::model::limiter::RateLimiterConfig;
use crate::model::snapshot::{CreateSnapshotParams, SnapshotType};
use crate::reads::{json, mmds_fault, read};
use crate::resources::VmmConfig;
use crate::route::route;
use crate::snapshot::container;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::io::RawFd;
use std::sync::{Arc, Mutex};
use std::time::Instant;

pub(crate) const NOT_FOUND: &str = "Failed perform action on device: Device not found";
pub(crate) const NO_PCI: &str = "PCI is not enabled";
pub(crate) const INTERNAL: &str = "Internal VMM error";

/// The guest, as far as the API drives it. Errors are texts.
pub trait Machine: Send {
    fn pause(&mut self) -> Result<(), String>;
    fn resume(&mut self) -> Result<(), String>;
    /// The device state of the paused guest.
    fn devices(&mut self) -> Result<Vec<u8>, String>;
    /// Writes the memory; `full` may leave holes in the file, else every page is written.
    fn write_memory(&mut self, path: &str, full: bool) -> std::io::Result<()>;
    /// Puts another file behind a drive.
    fn replace_disk(&mut self, index: usize, path: &str, config: &VmmConfig) -> Result<(), String>;
    /// Leaves the guest this much memory, in MiB.
    fn balloon(&mut self, mib: usize) -> Result<(), String>;
    /// Adds what its devices did since it was asked last.
    fn count(&mut self, config: &VmmConfig, tally: &mut Tally);
    /// A descriptor that has to be read now and then.
    fn events(&self) -> Option<RawFd>;
    fn on_events(&mut self);
}

/// The state after the start.
pub struct Running<M: Machine> {
    pub instance_id: String,
    pub config: VmmConfig,
    pub mmds: Arc<Mutex<Mmds>>,
    pub metrics: Option<Output>,
    pub tally: Tally,
    pub paused: bool,
    /// Its devices are on a PCI bus, by what the caller is told.
    pub pci: bool,
    pub machine: M,
}

impl<M: Machine> Running<M> {
    fn act(&mut self, action: Action) -> Result<Data, Fault> {
        match action {
            Action::Runtime(runtime) => self.run(runtime),
            Action::PutMmds(data) => {
                self.with_mmds(|mmds| mmds.put(data).map_err(mmds_fault).map(|()| Data::Empty))
            }
            Action::PatchMmds(data) => {
                self.with_mmds(|mmds| mmds.patch(&data).map_err(mmds_fault).map(|()| Data::Empty))
            }
            Action::Drive(_) | Action::Network(_) | Action::Pmem(_) if self.pci => {
                Err(Fault::unsupported("devices cannot be added to an emulated machine"))
            }
            Action::Drive(_) | Action::Network(_) | Action::Pmem(_) => Err(Fault::new(NO_PCI)),
            Action::GetBalloon => self.balloon(INTERNAL).map(|balloon| json(&*balloon)),
            Action::GetVmConfig => Ok(json(&self.config.started())),
            Action::GetMmds => self.with_mmds(|mmds| Ok(Data::Json(mmds.json()))),
            other => {
                let state = if self.paused { "Paused" } else { "Running" };
                let mmds = self.mmds.lock().map_err(|e| Fault::new(e.to_string()))?;
                read(&other, &self.instance_id, state, &self.config, &mmds)
                    .ok_or_else(|| Fault::new(POST_BOOT))
            }
        }
    }

    /// A started guest has metadata only where an interface was configured to answer for them.
    fn with_mmds(&self, act: impl FnOnce(&mut Mmds) -> Result<Data, Fault>) -> Result<Data, Fault> {
        if self.config.mmds_config.is_none() {
            return Err(mmds_fault(MmdsError::NotInitialized));
        }
        let mut mmds = self.mmds.lock().map_err(|e| Fault::new(e.to_string()))?;
        act(&mut mmds)
    }

    fn run(&mut self, runtime: Runtime) -> Result<Data, Fault> {
        let internal = |why: String| Fault::new(format!("Internal VMM error: {why}"));
        match runtime {
            Runtime::Pause => {
                let begun = Instant::now();
                self.machine.pause().map_err(internal)?;
                self.paused = true;
                self.tally.took("pause_vm", begun);
            }
            Runtime::Resume => {
                let begun = Instant::now();
                self.machine.resume().map_err(internal)?;
                self.paused = false;
                self.tally.took("resume_vm", begun);
            }
            Runtime::Create(params) => {
                let begun = Instant::now();
                self.create(&params).map_err(|why| Fault::new(format!("Create snapshot error: {why}")))?;
                let full = params.snapshot_type == SnapshotType::Full;
                self.tally.took(if full { "full_create_snapshot" } else { "diff_create_snapshot" }, begun);
            }
            Runtime::FlushMetrics => self.flush_metrics().map_err(|e| internal(e.to_string()))?,
            Runtime::SendCtrlAltDel => {
                return Err(Fault::unsupported("the emulated machine has no keyboard"));
            }
            Runtime::UpdateDrive(update) => self.update_drive(&update)?,
            Runtime::UpdateNetwork(update) => {
                let nets = &mut self.config.network_interfaces;
                let net = nets.iter_mut().find(|net| net.iface_id == update.iface_id);
                let net = net.ok_or_else(|| {
                    Fault::new(format!("Network config error: Unable to update the net device: {NOT_FOUND}"))
                })?;
                net.rx_rate_limiter = RateLimiterConfig::updated(net.rx_rate_limiter, update.rx_rate_limiter);
                net.tx_rate_limiter = RateLimiterConfig::updated(net.tx_rate_limiter, update.tx_rate_limiter);
            }
            Runtime::Unplug { kind, id } => return Err(self.unplug(&kind, &id)),
            device => return self.device(device),
        }
        Ok(Data::Empty)
    }

    fn create(&mut self, params: &CreateSnapshotParams) -> Result<(), String> {
        if !self.paused {
            return Err("Cannot save the microVM state: Operation not allowed: save/restore unavailable \
                 while running"
                .to_string());
        }
        let devices =
            self.machine.devices().map_err(|why| format!("Cannot save the microVM state: {why}"))?;
        let bytes = container::encode(&self.config, self.pci, &devices)
            .map_err(|why| format!("Cannot serialize the microVM state: {why}"))?;
        let state = |step: &str, e: std::io::Error| {
            format!("Cannot perform {step} on the snapshot backing file: {e}")
        };
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o666)
            .open(&params.snapshot_path)
            .map_err(|e| state("open", e))?;
        file.write_all(&bytes).map_err(|e| state("write", e))?;
        let full = params.snapshot_type == SnapshotType::Full;
        self.machine
            .write_memory(&params.mem_file_path, full)
            .map_err(|e| format!("Cannot perform open on the memory backing file: {e}"))
    }

    fn update_drive(&mut self, update: &BlockDeviceUpdateConfig) -> Result<(), Fault> {
        let fault = |why: String| {
            Fault::new(format!(
                "Drive config error: Unable to patch the block device: {why} Please verify the \
                 request arguments."
            ))
        };
        let drives = &self.config.drives;
        let index = drives
            .iter()
            .position(|d| d.drive_id == update.drive_id)
            .ok_or_else(|| fault(NOT_FOUND.to_string()))?;
        if update.path_on_host.is_none() && update.rate_limiter.is_none() {
            return Err(fault("Block: Running method expected different backend.".to_string()));
        }
        if let Some(path) = &update.path_on_host {
            open_disk(path, self.config.drives[index].read_only())
                .map_err(|why| fault(format!("Block: {why}")))?;
            self.machine.replace_disk(index, path, &self.config).map_err(fault)?;
            self.config.drives[index].path_on_host = Some(path.clone());
        }
        let drive = &mut self.config.drives[index];
        drive.rate_limiter = RateLimiterConfig::updated(drive.rate_limiter, update.rate_limiter);
        Ok(())
    }

    fn flush_metrics(&mut self) -> std::io::Result<()> {
        let output = match &mut self.metrics {
            Some(output) => output,
            None => return Ok(()),
        };
        self.machine.count(&self.config, &mut self.tally);
        let written = output.write(&self.tally.take_line());
        if written.is_err() {
            self.tally.add("logger", "missed_metrics_count", 1);
        }
        written
    }
}

impl<M: Machine> Handler for Running<M> {
    fn handle(&mut self, request: &Request) -> Reply {
        let routed = route(request);
        self.tally.request(request, &routed);
        Reply::Send(crate::serve::serve(request, routed, |action| self.act(action)))
    }

    fn extra(&self) -> Option<RawFd> {
        self.machine.events()
    }

    fn on_extra(&mut self) {
        self.machine.on_events();
    }

    fn due(&self) -> Option<Instant> {
        self.metrics.as_ref().map(Output::due)
    }

    fn on_due(&mut self) {
        if let Err(error) = self.flush_metrics() {
            crate::log::error("main", &format!("Failed to flush metrics: {error}"));
        }
        if let Some(output) = &mut self.metrics {
            output.postpone();
        }
    }
}
