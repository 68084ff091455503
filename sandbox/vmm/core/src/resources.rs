//! Everything that is configured for the guest. It is what a snapshot carries along, and what is handed to the
//! process image that runs the guest.

use crate::model::boot::BootSourceConfig;
use crate::model::devices::*;
use crate::model::drive::{BlockDeviceConfig, FileEngineType};
use crate::model::limiter::RateLimiterConfig;
use crate::model::machine::MachineConfig;
use crate::model::mmds::MmdsConfig;
use crate::model::net::NetworkInterfaceConfig;
use serde::{Deserialize, Serialize};

/// The configuration of one guest, in the order and form of `GET /vm/config` and of `--config-file`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct VmmConfig {
    pub balloon: Option<BalloonDeviceConfig>,
    pub drives: Vec<BlockDeviceConfig>,
    #[serde(rename = "boot-source")]
    pub boot_source: BootSourceConfig,
    #[serde(rename = "cpu-config")]
    pub cpu_config: Option<String>,
    pub logger: Option<crate::model::logger::LoggerConfig>,
    #[serde(rename = "machine-config")]
    pub machine_config: Option<MachineConfig>,
    pub metrics: Option<crate::model::logger::MetricsConfig>,
    #[serde(rename = "mmds-config")]
    pub mmds_config: Option<MmdsConfig>,
    #[serde(rename = "network-interfaces", default)]
    pub network_interfaces: Vec<NetworkInterfaceConfig>,
    pub vsock: Option<VsockDeviceConfig>,
    pub entropy: Option<EntropyDeviceConfig>,
    #[serde(default)]
    pub pmem: Vec<PmemConfig>,
    #[serde(rename = "memory-hotplug")]
    pub memory_hotplug: Option<MemoryHotplugConfig>,
}

impl VmmConfig {
    /// A fresh configuration.
    pub fn fresh() -> Self {
        Self { machine_config: Some(MachineConfig::default()), ..Self::default() }
    }

    /// The machine's size.
    pub fn machine(&self) -> MachineConfig {
        self.machine_config.clone().unwrap_or_default()
    }

    /// The memory size in bytes.
    pub fn memory_bytes(&self) -> u64 {
        (self.machine().mem_size_mib as u64) << 20
    }

    /// Adds a drive or replaces the one of the same id. The root drive is always the first.
    pub fn insert_drive(&mut self, mut drive: BlockDeviceConfig) -> Result<(), &'static str> {
        let known = self.drives.iter().position(|d| d.drive_id == drive.drive_id);
        let has_root = self.drives.first().map_or(false, |d| d.is_root_device);
        if drive.is_root_device && has_root && known != Some(0) {
            return Err("A root block device already exists!");
        }
        drive.is_read_only = Some(drive.read_only());
        drive.rate_limiter = RateLimiterConfig::updated(None, drive.rate_limiter);
        drive.file_engine_type = drive.file_engine_type.or(Some(FileEngineType::Sync));
        let root = drive.is_root_device;
        match known {
            Some(index) => {
                self.drives[index] = drive;
                if root && index != 0 {
                    self.drives.swap(0, index);
                }
            }
            None if root => self.drives.insert(0, drive),
            None => self.drives.push(drive),
        }
        Ok(())
    }

    /// As a started guest shows it: its devices lie in a hash table, so that their order says nothing. Here it is the
    /// reverse of the order in which they were configured.
    pub fn started(&self) -> Self {
        let mut shown = self.clone();
        shown.drives.reverse();
        shown.network_interfaces.reverse();
        shown.pmem.reverse();
        shown
    }
}
