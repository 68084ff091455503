//! What a request asks for.

use crate::model::boot::BootSourceConfig;
use crate::model::cpu::CustomCpuTemplate;
use crate::model::devices::*;
use crate::model::drive::{BlockDeviceConfig, BlockDeviceUpdateConfig};
use crate::model::logger::{LoggerConfig, MetricsConfig};
use crate::model::machine::MachineConfigUpdate;
use crate::model::mmds::MmdsConfig;
use crate::model::net::{NetworkInterfaceConfig, NetworkInterfaceUpdateConfig};
use crate::model::snapshot::{CreateSnapshotParams, LoadSnapshotConfig};
use serde_json::Value;

/// One action of the API.
#[derive(Clone, Debug)]
pub enum Action {
    BootSource(BootSourceConfig),
    Logger(LoggerConfig),
    Metrics(MetricsConfig),
    Serial(SerialConfig),
    CpuConfig(CustomCpuTemplate),
    MachineConfig(MachineConfigUpdate),
    Drive(BlockDeviceConfig),
    Network(NetworkInterfaceConfig),
    Pmem(PmemConfig),
    Balloon(BalloonDeviceConfig),
    Vsock(VsockDeviceConfig),
    Entropy(EntropyDeviceConfig),
    MemoryHotplug(MemoryHotplugConfig),
    MmdsConfig(MmdsConfig),
    PutMmds(Value),
    PatchMmds(Value),
    Load(LoadSnapshotConfig),
    Start,
    GetInstance,
    GetVersion,
    GetVmConfig,
    GetMachineConfig,
    GetMmds,
    GetBalloon,
    /// What can only be asked of a running guest.
    Runtime(Runtime),
}

/// Actions that need a started guest.
#[derive(Clone, Debug)]
pub enum Runtime {
    Pause,
    Resume,
    Create(CreateSnapshotParams),
    FlushMetrics,
    SendCtrlAltDel,
    UpdateDrive(BlockDeviceUpdateConfig),
    UpdateNetwork(NetworkInterfaceUpdateConfig),
    UpdatePmem(PmemDeviceUpdateConfig),
    /// Removing a device, which needs PCI: the first segment of its path and its id.
    Unplug {
        kind: String,
        id: String,
    },
    BalloonStatistics,
    UpdateBalloon(BalloonUpdateConfig),
    UpdateBalloonStatistics(BalloonUpdateStatsConfig),
    /// Free page hinting: its state is read, or it is started or stopped.
    Hinting {
        read: bool,
    },
    /// The state of hotplugged memory is read, or its size is changed.
    MemoryHotplug {
        update: bool,
    },
}

/// An action and whether its request used something deprecated.
pub struct Parsed {
    pub action: Action,
    pub deprecated: Option<&'static str>,
}

impl From<Action> for Parsed {
    fn from(action: Action) -> Self {
        Self { action, deprecated: None }
    }
}

impl From<Runtime> for Parsed {
    fn from(runtime: Runtime) -> Self {
        Action::Runtime(runtime).into()
    }
}
