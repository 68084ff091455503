//! `/snapshot/create`, `/snapshot/load` and `/vm`.

use super::path::PathText;
use serde::{Deserialize, Serialize};

/// Full, or only what changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SnapshotType {
    Diff,
    #[default]
    Full,
}

/// Body of PUT /snapshot/create.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateSnapshotParams {
    #[serde(default)]
    pub snapshot_type: SnapshotType,
    #[serde(deserialize_with = "super::path::required")]
    pub snapshot_path: String,
    #[serde(deserialize_with = "super::path::required")]
    pub mem_file_path: String,
}

/// Where the memory comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemBackendType {
    File,
    Uffd,
}

/// The source of the memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemBackendConfig {
    #[serde(deserialize_with = "super::path::required")]
    pub backend_path: String,
    pub backend_type: MemBackendType,
}

/// Another tap for an interface of the snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NetworkOverride {
    pub iface_id: String,
    pub host_dev_name: String,
}

/// Another socket for the vsock device of the snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VsockOverride {
    pub uds_path: String,
}

/// Body of PUT /snapshot/load.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadSnapshotConfig {
    #[serde(deserialize_with = "super::path::required")]
    pub snapshot_path: String,
    pub mem_file_path: Option<PathText>,
    pub mem_backend: Option<MemBackendConfig>,
    #[serde(default)]
    pub enable_diff_snapshots: bool,
    #[serde(default)]
    pub track_dirty_pages: bool,
    #[serde(default)]
    pub resume_vm: bool,
    #[serde(default)]
    pub network_overrides: Vec<NetworkOverride>,
    pub vsock_override: Option<VsockOverride>,
    #[serde(default)]
    pub clock_realtime: bool,
}

/// The states one can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VmState {
    Paused,
    Resumed,
}

/// Body of PATCH /vm.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vm {
    pub state: VmState,
}
