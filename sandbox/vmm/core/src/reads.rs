//! The requests that only read; they are answered the same before and after the start.

use crate::action::Action;
use crate::fault::{Data, Fault};
use crate::mmds::store::MmdsError;
use crate::mmds::Mmds;
use crate::model::machine::HugePageConfig;
use crate::resources::VmmConfig;
use crate::version;
use serde::Serialize;

/// A JSON answer.
pub fn json<T: Serialize>(value: &T) -> Data {
    Data::Json(serde_json::to_string(value).unwrap_or_else(|error| error.to_string()))
}

/// Answers a reading action; None when it is not one.
pub fn read(action: &Action, id: &str, state: &str, config: &VmmConfig, mmds: &Mmds) -> Option<Data> {
    #[derive(Serialize)]
    struct Instance<'a> {
        id: &'a str,
        state: &'a str,
        vmm_version: &'a str,
        app_name: &'a str,
    }
    #[derive(Serialize)]
    struct Version<'a> {
        firecracker_version: &'a str,
    }
    let own = version::current().firecracker;
    Some(match action {
        Action::GetInstance => json(&Instance { id, state, vmm_version: &own, app_name: "Firecracker" }),
        Action::GetVersion => json(&Version { firecracker_version: &own }),
        Action::GetVmConfig => json(config),
        Action::GetMachineConfig => json(&config.machine()),
        Action::GetMmds => Data::Json(mmds.json()),
        _ => return None,
    })
}

/// The fault for metadata that cannot be changed.
pub fn mmds_fault(error: MmdsError) -> Fault {
    match error {
        MmdsError::LimitExceeded => {
            Fault { status: 413, message: format!("MMDS limit exceeded error: {}", error.text()) }
        }
        other => Fault::new(format!("MMDS error: {}", other.text())),
    }
}

/// Refuses what is configured but not emulated. Where there is no guest, nobody misses a device.
pub fn check_supported(config: &VmmConfig, cpu_changes: bool, guestless: bool) -> Result<(), Fault> {
    let machine = config.machine();
    let missing = [
        (config.vsock.is_some(), "the vsock device is not emulated"),
        (!config.pmem.is_empty(), "pmem devices are not emulated"),
        (config.memory_hotplug.is_some(), "memory hotplug is not emulated"),
        (cpu_changes, "custom CPU templates are not emulated"),
        (machine.huge_pages != HugePageConfig::None, "huge pages are not emulated"),
    ];
    match missing.iter().find(|(used, _)| *used && !guestless) {
        Some((_, what)) => Err(Fault::unsupported(what)),
        None => Ok(()),
    }
}
