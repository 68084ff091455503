//! `/drives/{id}`.

use super::limiter::RateLimiterConfig;
use serde::{Deserialize, Serialize};

/// Whether the guest's flushes reach the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CacheType {
    #[default]
    Unsafe,
    Writeback,
}

/// How Firecracker does its I/O. Stored and shown; QEMU has its own way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileEngineType {
    Async,
    #[default]
    Sync,
}

/// Body of PUT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockDeviceConfig {
    pub drive_id: String,
    pub partuuid: Option<String>,
    pub is_root_device: bool,
    #[serde(default)]
    pub cache_type: CacheType,
    pub is_read_only: Option<bool>,
    pub path_on_host: Option<String>,
    pub rate_limiter: Option<RateLimiterConfig>,
    #[serde(rename = "io_engine")]
    pub file_engine_type: Option<FileEngineType>,
    pub socket: Option<String>,
}

impl BlockDeviceConfig {
    /// The drive is attached read-only.
    pub fn read_only(&self) -> bool {
        self.is_read_only.unwrap_or(false)
    }

    /// The path of the backing file, exactly as it was given.
    pub fn path(&self) -> &str {
        self.path_on_host.as_deref().unwrap_or("")
    }
}

/// Body of PATCH.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockDeviceUpdateConfig {
    pub drive_id: String,
    pub path_on_host: Option<String>,
    pub rate_limiter: Option<RateLimiterConfig>,
}
