//! The API before the guest is started: configuration, and what ends it.

use crate::action::Action;
use crate::fault::{Data, Fault, PRE_BOOT};
use crate::files::{configure_logger, open_append, open_disk};
use crate::metrics::Tally;
use crate::mmds::Mmds;
use crate::model::boot::{BootSourceConfig, MAX_BOOT_ARGS};
use crate::model::devices::{PmemConfig, VsockDeviceConfig};
use crate::model::drive::BlockDeviceConfig;
use crate::model::limiter::RateLimiterConfig;
use crate::model::mmds::{is_link_local, MmdsConfig, DEFAULT_ADDRESS};
use crate::model::net::NetworkInterfaceConfig;
use crate::model::snapshot::LoadSnapshotConfig;
use crate::reads::{check_supported, json, mmds_fault, read};
use crate::resources::VmmConfig;
use crate::tap;
use std::fs::File;
use std::os::unix::net::UnixListener;

/// The smallest MTU of an interface, in bytes.
const LEAST_MTU: u16 = 68;

/// What an action came to.
pub enum Outcome {
    Done(Data),
    /// The guest is to be booted.
    Start,
    /// A snapshot is to be loaded.
    Load(LoadSnapshotConfig),
}

/// The state before the start.
pub struct Preboot {
    pub instance_id: String,
    pub config: VmmConfig,
    pub mmds: Mmds,
    /// Open taps, by interface id.
    pub taps: Vec<(String, File)>,
    pub serial: Option<String>,
    pub metrics: Option<File>,
    /// What has been asked so far.
    pub tally: Tally,
    pub vsock: Option<UnixListener>,
    /// Devices are on a PCI bus, by what the caller is told; the emulated machine has none.
    pub pci: bool,
    /// No guest will run that could miss a device which is not emulated.
    pub guestless: bool,
    booted_source: bool,
    cpu_changes: bool,
    /// Something was configured that rules out a load.
    boot_path: bool,
}

impl Preboot {
    /// Nothing configured yet.
    pub fn new(instance_id: &str, mmds_limit: usize) -> Self {
        Self {
            instance_id: instance_id.to_string(),
            config: VmmConfig::fresh(),
            mmds: Mmds::new(mmds_limit),
            taps: Vec::new(),
            serial: None,
            metrics: None,
            tally: Tally::new(),
            vsock: None,
            pci: false,
            guestless: false,
            booted_source: false,
            cpu_changes: false,
            boot_path: false,
        }
    }

    /// Does one action.
    pub fn handle(&mut self, action: Action) -> Result<Outcome, Fault> {
        use Action::*;
        self.boot_path |=
            matches!(action, BootSource(_) | MachineConfig(_) | Drive(_) | Network(_) | Pmem(_) | Balloon(_))
                || matches!(action, Vsock(_) | Entropy(_) | MemoryHotplug(_) | MmdsConfig(_));
        match action {
            BootSource(config) => self.boot_source(config)?,
            Logger(config) => configure_logger(&config)?,
            Metrics(config) => self.set_metrics(&config.metrics_path)?,
            Serial(config) => self.serial = config.serial_out_path.map(|path| path.0),
            CpuConfig(template) => self.cpu_changes = !template.is_empty(),
            MachineConfig(update) => {
                let fault = |why| Fault::new(format!("Machine config error: {why}"));
                let updated = self.config.machine().updated(&update).map_err(fault)?;
                let balloon = self.config.balloon.as_ref().map_or(0, |balloon| balloon.amount_mib as usize);
                if updated.mem_size_mib < balloon {
                    return Err(fault(
                        "The memory size (MiB) is smaller than the previously set balloon device \
                         target size.",
                    ));
                }
                self.config.machine_config = Some(updated);
            }
            Drive(config) => self.drive(config)?,
            Network(config) => self.network(config)?,
            Pmem(config) => self.pmem(config)?,
            Balloon(config) => {
                if config.amount_mib as usize > self.config.machine().mem_size_mib {
                    let why = "Amount of pages requested is too large.";
                    return Err(Fault::new(format!("Balloon config error: {why}")));
                }
                self.config.balloon = Some(config);
            }
            Vsock(config) => self.vsock(config)?,
            Entropy(mut config) => {
                config.rate_limiter = RateLimiterConfig::updated(None, config.rate_limiter);
                self.config.entropy = Some(config);
            }
            MemoryHotplug(config) => {
                config.check().map_err(|why| Fault::new(format!("Memory hotplug config error: {why}")))?;
                self.config.memory_hotplug = Some(config);
            }
            MmdsConfig(config) => self.mmds_config(config)?,
            PutMmds(data) => self.mmds.put(data).map_err(mmds_fault)?,
            PatchMmds(data) => self.mmds.patch(&data).map_err(mmds_fault)?,
            Load(_) if self.boot_path => {
                return Err(Fault::new(
                    "Load snapshot error: Loading a microVM snapshot not allowed after \
                     configuring boot-specific resources.",
                ));
            }
            Load(config) => return Ok(Outcome::Load(config)),
            Start => {
                self.check_start()?;
                return Ok(Outcome::Start);
            }
            Runtime(_) => return Err(Fault::new(PRE_BOOT)),
            GetBalloon => {
                let missing = || Fault::new("Balloon config error: No balloon device found.");
                let balloon = self.config.balloon.as_ref().ok_or_else(missing)?;
                return Ok(Outcome::Done(json(balloon)));
            }
            other => {
                let answer = read(&other, &self.instance_id, "Not started", &self.config, &self.mmds);
                return Ok(Outcome::Done(answer.unwrap_or(Data::Empty)));
            }
        }
        Ok(Outcome::Done(Data::Empty))
    }

    fn boot_source(&mut self, config: BootSourceConfig) -> Result<(), Fault> {
        let fault = |why: String| Fault::new(format!("Boot source error: {why}"));
        File::open(&config.kernel_image_path)
            .map_err(|e| fault(format!("The kernel file cannot be opened: {e}")))?;
        if let Some(initrd) = &config.initrd_path {
            File::open(initrd).map_err(|e| {
                fault(format!(
                    "The initrd file cannot be opened due to invalid path or invalid permissions. {e}"
                ))
            })?;
        }
        let length = config.boot_args.as_ref().map_or(0, String::len);
        if length >= MAX_BOOT_ARGS {
            let why = "The kernel command line is invalid: Invalid cmdline capacity provided.";
            return Err(fault(why.to_string()));
        }
        self.config.boot_source = config;
        self.booted_source = true;
        Ok(())
    }

    fn set_metrics(&mut self, path: &str) -> Result<(), Fault> {
        let fault = |why: String| {
            Fault::new(format!(
                "Metrics error: Cannot initialize the metrics system due to bad user input: {why}"
            ))
        };
        let file = open_append(path).map_err(|e| fault(e.to_string()))?;
        if self.metrics.is_some() {
            return Err(fault("Reinitialization of metrics not allowed.".to_string()));
        }
        self.metrics = Some(file);
        Ok(())
    }

    fn drive(&mut self, config: BlockDeviceConfig) -> Result<(), Fault> {
        let fault = |why: String| Fault::new(format!("Drive config error: {why}"));
        let known = self.config.drives.iter().position(|d| d.drive_id == config.drive_id);
        let has_root = self.config.drives.first().map_or(false, |d| d.is_root_device);
        if config.is_root_device && has_root && known != Some(0) {
            return Err(fault("A root block device already exists!".to_string()));
        }
        let uncreated = |why: String| fault(format!("Unable to create the virtio block device: {why}"));
        match (&config.path_on_host, &config.socket) {
            (Some(path), None) => open_disk(path, config.read_only()).map_err(uncreated).map(drop)?,
            // A drive that another process serves needs a socket and nothing that only a file has.
            (None, Some(_)) if config.is_read_only.is_none() => {
                return Err(Fault::unsupported("drives behind a vhost-user socket are not emulated"));
            }
            _ => return Err(uncreated("Invalid block config.".to_string())),
        }
        self.config.insert_drive(config).map_err(|e| fault(e.to_string()))
    }

    fn pmem(&mut self, mut config: PmemConfig) -> Result<(), Fault> {
        let fault = |why: &str| Fault::new(format!("Pmem config error: {why}"));
        let known = self.config.pmem.iter().position(|pmem| pmem.id == config.id);
        if config.root_device {
            if self.config.drives.iter().any(|drive| drive.is_root_device) {
                return Err(fault(
                    "Attempt to add pmem as a root device while the root device defined as a block device",
                ));
            }
            if self.config.pmem.iter().any(|pmem| pmem.root_device && pmem.id != config.id) {
                return Err(fault("A root pmem device already exist"));
            }
        }
        config.rate_limiter = RateLimiterConfig::updated(None, config.rate_limiter);
        match known {
            Some(index) => self.config.pmem[index] = config,
            None => self.config.pmem.push(config),
        }
        Ok(())
    }

    fn network(&mut self, mut config: NetworkInterfaceConfig) -> Result<(), Fault> {
        let fault = |why: String| Fault::new(format!("Network config error: {why}"));
        let nets = &self.config.network_interfaces;
        let others = nets.iter().filter(|net| net.iface_id != config.iface_id);
        if let Some(mac) = config.guest_mac {
            if others.into_iter().any(|net| net.guest_mac == Some(mac)) {
                return Err(fault(format!("The MAC address is already in use: {mac}")));
            }
        }
        self.config.network_interfaces.retain(|net| net.iface_id != config.iface_id);
        self.taps.retain(|(id, _)| *id != config.iface_id);
        let uncreated = |why: String| fault(format!("Could not create the network device: {why}"));
        if let Some(mtu) = config.mtu.filter(|mtu| *mtu < LEAST_MTU) {
            return Err(uncreated(format!("MTU {mtu} is out of range [{LEAST_MTU}, 65535]")));
        }
        config.rx_rate_limiter = RateLimiterConfig::updated(None, config.rx_rate_limiter);
        config.tx_rate_limiter = RateLimiterConfig::updated(None, config.tx_rate_limiter);
        let (file, name) = tap::open(&config.host_dev_name).map_err(uncreated)?;
        config.host_dev_name = name;
        self.taps.push((config.iface_id.clone(), file));
        self.config.network_interfaces.push(config);
        Ok(())
    }

    fn vsock(&mut self, config: VsockDeviceConfig) -> Result<(), Fault> {
        let unbound = |e: std::io::Error| {
            Fault::new(format!(
                "Vsock config error: Cannot create backend for vsock device: Error binding to the \
                 host-side Unix socket: {e}"
            ))
        };
        if let Some(old) = self.config.vsock.take() {
            std::fs::remove_file(old.uds_path).map_err(unbound)?;
        }
        let listener = UnixListener::bind(&config.uds_path).map_err(unbound)?;
        self.vsock = Some(listener);
        self.config.vsock = Some(VsockDeviceConfig { vsock_id: None, ..config });
        Ok(())
    }

    fn mmds_config(&mut self, config: MmdsConfig) -> Result<(), Fault> {
        let address = config.ipv4_address.unwrap_or(DEFAULT_ADDRESS);
        let nets = &self.config.network_interfaces;
        let known = |id: &String| nets.iter().any(|net| net.iface_id == *id);
        let why = if !is_link_local(address) {
            "The MMDS IPv4 address is not link local."
        } else if config.network_interfaces.is_empty() {
            "The list of network interface IDs that allow forwarding MMDS requests is empty."
        } else if !config.network_interfaces.iter().all(known) {
            "The list of network interface IDs provided contains at least one ID that does not \
             correspond to any existing network interface."
        } else {
            self.mmds.version = config.version;
            self.mmds.imds_compat = config.imds_compat;
            self.config.mmds_config = Some(MmdsConfig { ipv4_address: Some(address), ..config });
            return Ok(());
        };
        Err(Fault::new(format!("MMMDS config error: {why}")))
    }

    /// What can be known to fail is refused while the process can still be configured.
    fn check_start(&self) -> Result<(), Fault> {
        let fault = |why: &str| Fault::new(format!("Start microvm error: {why}"));
        if !self.booted_source {
            return Err(fault("Cannot start microvm without kernel configuration."));
        }
        crate::qemu::kernel::check(&self.config.boot_source.kernel_image_path).map_err(|why| fault(&why))?;
        check_supported(&self.config, self.cpu_changes, self.guestless)
    }
}
