//! Devices and services besides disk and network: balloon, vsock, entropy, pmem, memory hotplug, serial, actions.

use super::limiter::{RateLimiterConfig, TokenBucketConfig};
use super::path::PathText;
use serde::{Deserialize, Serialize};

/// Body of PUT /balloon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalloonDeviceConfig {
    pub amount_mib: u32,
    pub deflate_on_oom: bool,
    #[serde(default)]
    pub stats_polling_interval_s: u16,
    #[serde(default)]
    pub free_page_hinting: bool,
    #[serde(default)]
    pub free_page_reporting: bool,
}

/// Body of PATCH /balloon.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalloonUpdateConfig {
    pub amount_mib: u32,
}

/// Body of PATCH /balloon/statistics.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalloonUpdateStatsConfig {
    pub stats_polling_interval_s: u16,
}

/// Body of PATCH /balloon/hinting/start.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StartHintingCmd {
    #[serde(default)]
    pub acknowledge_on_stop: bool,
}

/// Body of PUT /vsock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VsockDeviceConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vsock_id: Option<String>,
    pub guest_cid: u32,
    pub uds_path: String,
}

/// Body of PUT /entropy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntropyDeviceConfig {
    pub rate_limiter: Option<RateLimiterConfig>,
}

/// Body of PUT /pmem/{id}.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PmemConfig {
    pub id: String,
    pub path_on_host: String,
    #[serde(default)]
    pub root_device: bool,
    #[serde(default)]
    pub read_only: bool,
    pub rate_limiter: Option<RateLimiterConfig>,
}

fn default_block_size_mib() -> usize {
    2
}

fn default_slot_size_mib() -> usize {
    128
}

/// Body of PUT /hotplug/memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryHotplugConfig {
    pub total_size_mib: usize,
    #[serde(default = "default_block_size_mib")]
    pub block_size_mib: usize,
    #[serde(default = "default_slot_size_mib")]
    pub slot_size_mib: usize,
}

impl MemoryHotplugConfig {
    /// Firecracker's words for sizes that do not fit together.
    pub fn check(&self) -> Result<(), String> {
        let Self { total_size_mib: total, block_size_mib: block, slot_size_mib: slot } = *self;
        let (least_block, least_slot) = (default_block_size_mib(), default_slot_size_mib());
        let why = if block < least_block {
            format!("Block size must not be lower than {least_block} MiB")
        } else if !block.is_power_of_two() {
            "Block size must be a power of 2".to_string()
        } else if slot < least_slot {
            format!("Slot size must not be lower than {least_slot} MiB")
        } else if slot % block != 0 {
            format!("Slot size must be a multiple of block size ({block} MiB)")
        } else if total < slot {
            format!("Total size must not be lower than slot size ({slot} MiB)")
        } else if total % slot != 0 {
            format!("Total size must be a multiple of slot size ({slot} MiB)")
        } else {
            return Ok(());
        };
        Err(why)
    }
}

/// Body of PATCH /pmem/{id}.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PmemDeviceUpdateConfig {
    pub id: String,
    pub rate_limiter: Option<RateLimiterConfig>,
}

/// Body of PATCH /hotplug/memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryHotplugSizeUpdate {
    pub requested_size_mib: usize,
}

/// Body of PUT /serial.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SerialConfig {
    pub serial_out_path: Option<PathText>,
    pub rate_limiter: Option<TokenBucketConfig>,
}

/// What PUT /actions can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActionType {
    FlushMetrics,
    InstanceStart,
    SendCtrlAltDel,
}

/// Body of PUT /actions.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionBody {
    pub action_type: ActionType,
}
