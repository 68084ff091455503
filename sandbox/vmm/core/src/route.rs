//! From a request to an action. There is no 404 and no 405: what does not fit is a 400 that names the method and
//! the first segment of the path.

use crate::action::{Action, Parsed, Runtime};
use crate::fault::Fault;
use crate::http::{Method, Request};
use crate::model::devices::*;
use crate::model::machine::{MachineConfig, MachineConfigUpdate};
use crate::model::mmds::{MmdsConfig, MmdsVersion};
use crate::model::snapshot::{LoadSnapshotConfig, Vm, VmState};
use serde::de::DeserializeOwned;

type Routed = Result<Parsed, Fault>;

/// Finds the action of a request, or the fault to answer.
pub fn route(request: &Request) -> Routed {
    let path = request.path().trim_start_matches('/');
    let mut rest = path.split_terminator('/');
    let first = rest.next().unwrap_or("");
    let second = rest.next();
    let third = rest.next();
    match (request.method, request.body.as_deref()) {
        (Method::Get, None) => get(first, second, third),
        (Method::Get, Some(_)) => Err(Fault::new("GET request cannot have a body.")),
        (Method::Put, Some(body)) => put(first, second, body),
        (Method::Put, None) => Err(Fault::new("Empty PUT request.")),
        (Method::Patch, body) => patch(first, second, third, body),
        (Method::Delete, Some(_)) => Err(Fault::new("Empty Delete request.")),
        (Method::Delete, None) => delete(first, second),
    }
}

fn no_route(method: Method, segment: &str) -> Fault {
    let method = method.as_str();
    Fault::new(format!("Invalid request method and/or path: {method} {segment}."))
}

fn get(first: &str, second: Option<&str>, third: Option<&str>) -> Routed {
    Ok(match (first, second) {
        ("", _) => Action::GetInstance.into(),
        ("version", _) => Action::GetVersion.into(),
        ("vm", Some("config")) => Action::GetVmConfig.into(),
        ("machine-config", _) => Action::GetMachineConfig.into(),
        ("mmds", _) => Action::GetMmds.into(),
        ("balloon", None) => Action::GetBalloon.into(),
        ("balloon", Some("statistics")) => Runtime::BalloonStatistics.into(),
        ("balloon", Some("hinting")) => match third {
            Some("status") => Runtime::Hinting { read: true }.into(),
            other => return Err(unrecognized("GET", "/hinting/", other)),
        },
        ("balloon", other) => return Err(unrecognized("GET", "", other)),
        ("hotplug", Some("memory")) => Runtime::MemoryHotplug { update: false }.into(),
        _ => return Err(no_route(Method::Get, first)),
    })
}

fn put(first: &str, second: Option<&str>, body: &[u8]) -> Routed {
    Ok(match first {
        "actions" => match json::<ActionBody>(body)?.action_type {
            ActionType::FlushMetrics => Runtime::FlushMetrics.into(),
            ActionType::InstanceStart => Action::Start.into(),
            ActionType::SendCtrlAltDel => Runtime::SendCtrlAltDel.into(),
        },
        "balloon" => Action::Balloon(json(body)?).into(),
        "boot-source" => Action::BootSource(json(body)?).into(),
        "cpu-config" => Action::CpuConfig(json(body)?).into(),
        "drives" => {
            let id = checked_id(second)?;
            let config: crate::model::drive::BlockDeviceConfig = json(body)?;
            same_id(id, &config.drive_id)?;
            Action::Drive(config).into()
        }
        "pmem" => {
            let id = checked_id(second)?;
            let config: PmemConfig = json(body)?;
            same_id(id, &config.id)?;
            Action::Pmem(config).into()
        }
        "logger" => Action::Logger(json(body)?).into(),
        "serial" => Action::Serial(json(body)?).into(),
        "machine-config" => Action::MachineConfig(json::<MachineConfig>(body)?.into()).into(),
        "metrics" => Action::Metrics(json(body)?).into(),
        "mmds" => match second {
            None => Action::PutMmds(json(body)?).into(),
            Some("config") => put_mmds_config(body)?,
            other => return Err(unrecognized("PUT", "", other)),
        },
        "network-interfaces" => {
            let id = checked_id(second)?;
            let config: crate::model::net::NetworkInterfaceConfig = json(body)?;
            same_named_id(id, &config.iface_id)?;
            Action::Network(config).into()
        }
        "snapshot" => match second {
            Some("create") => Runtime::Create(json(body)?).into(),
            Some("load") => put_load(body)?,
            Some(other) => return Err(no_route(Method::Put, &format!("/snapshot/{other}"))),
            None => return Err(Fault::new("Missing snapshot operation type.")),
        },
        "vsock" => Action::Vsock(json(body)?).into(),
        "entropy" => Action::Entropy(json(body)?).into(),
        "hotplug" if second == Some("memory") => Action::MemoryHotplug(json(body)?).into(),
        _ => return Err(no_route(Method::Put, first)),
    })
}

fn put_mmds_config(body: &[u8]) -> Routed {
    let config: MmdsConfig = json(body)?;
    let old = config.version == MmdsVersion::V1;
    Ok(Parsed {
        action: Action::MmdsConfig(config),
        deprecated: old.then_some("PUT /mmds/config: V1 is deprecated. Use V2 instead."),
    })
}

fn put_load(body: &[u8]) -> Routed {
    let config: LoadSnapshotConfig = json(body)?;
    let text = |what: &str| {
        Fault::new(format!("An error occurred when deserializing the json body of a request: {what}."))
    };
    match (&config.mem_backend, &config.mem_file_path) {
        (Some(_), Some(_)) => {
            Err(text("too many fields: either `mem_backend` or `mem_file_path` exclusively is required"))
        }
        (None, None) => Err(text("missing field: either `mem_backend` or `mem_file_path` is required")),
        _ => Ok(Parsed {
            deprecated: (config.mem_file_path.is_some() || config.enable_diff_snapshots).then_some(
                "PUT /snapshot/load: mem_file_path and enable_diff_snapshots fields are deprecated.",
            ),
            action: Action::Load(config),
        }),
    }
}

fn patch(first: &str, second: Option<&str>, third: Option<&str>, body: Option<&[u8]>) -> Routed {
    let empty = || Fault::new("Empty PATCH request.");
    if first == "balloon" {
        return patch_balloon(second, third, body);
    }
    let body = body.ok_or_else(empty)?;
    Ok(match first {
        "drives" => {
            let id = checked_id(second)?;
            let config: crate::model::drive::BlockDeviceUpdateConfig = json(body)?;
            same_id(id, &config.drive_id)?;
            Runtime::UpdateDrive(config).into()
        }
        "machine-config" => {
            let update: MachineConfigUpdate = json(body)?;
            if update == MachineConfigUpdate::default() {
                return Err(empty());
            }
            Action::MachineConfig(update).into()
        }
        "mmds" => Action::PatchMmds(json(body)?).into(),
        "pmem" => {
            let id = checked_id(second)?;
            let config: PmemDeviceUpdateConfig = json(body)?;
            same_id(id, &config.id)?;
            Runtime::UpdatePmem(config).into()
        }
        "network-interfaces" => {
            let id = checked_id(second)?;
            let config: crate::model::net::NetworkInterfaceUpdateConfig = json(body)?;
            same_named_id(id, &config.iface_id)?;
            Runtime::UpdateNetwork(config).into()
        }
        "vm" => match json::<Vm>(body)?.state {
            VmState::Paused => Runtime::Pause.into(),
            VmState::Resumed => Runtime::Resume.into(),
        },
        "hotplug" if second == Some("memory") => {
            json::<MemoryHotplugSizeUpdate>(body)?;
            Runtime::MemoryHotplug { update: true }.into()
        }
        _ => return Err(no_route(Method::Patch, first)),
    })
}

fn patch_balloon(second: Option<&str>, third: Option<&str>, body: Option<&[u8]>) -> Routed {
    match (second, third) {
        (Some("hinting"), Some("start")) => {
            body.filter(|b| !b.is_empty()).map(json::<StartHintingCmd>).transpose()?;
        }
        (Some("hinting"), Some("stop")) => {}
        (Some("hinting"), other) => return Err(unrecognized("PATCH", "/hinting/", other)),
        _ => {
            let body = body.ok_or_else(|| Fault::new("Empty PATCH request."))?;
            return Ok(match second {
                Some("statistics") => {
                    Runtime::UpdateBalloonStatistics(json::<BalloonUpdateStatsConfig>(body)?).into()
                }
                _ => Runtime::UpdateBalloon(json::<BalloonUpdateConfig>(body)?).into(),
            });
        }
    }
    Ok(Runtime::Hinting { read: false }.into())
}

fn delete(first: &str, second: Option<&str>) -> Routed {
    match first {
        "drives" | "network-interfaces" | "pmem" => {
            let id = checked_id(second)?.to_string();
            Ok(Runtime::Unplug { kind: first.to_string(), id }.into())
        }
        _ => Err(no_route(Method::Delete, first)),
    }
}

fn unrecognized(method: &str, prefix: &str, what: Option<&str>) -> Fault {
    let what = what.unwrap_or("");
    Fault::new(format!("Unrecognized {method} request path `{prefix}{what}`."))
}

/// Reads a body; the error text is serde's own.
fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| {
        let why = with_short_floats(&error.to_string());
        Fault::new(format!("An error occurred when deserializing the json body of a request: {why}."))
    })
}

/// Writes a floating point number in an error as the serde_json of Firecracker does: Debian's writes out all its digits.
fn with_short_floats(error: &str) -> String {
    let shortened = || {
        let (before, rest) = error.split_once("floating point `")?;
        let (digits, after) = rest.split_once('`')?;
        let number = digits.parse::<f64>().ok()?;
        let size = number.abs();
        let short = if number == 0.0 || (1e-5..1e16).contains(&size) {
            format!("{number:?}")
        } else if size < 1.0 {
            format!("{number:e}")
        } else {
            format!("{number:e}").replace('e', "e+")
        };
        Some(format!("{before}floating point `{short}`{after}"))
    };
    shortened().unwrap_or_else(|| error.to_string())
}

fn checked_id(id: Option<&str>) -> Result<&str, Fault> {
    match id {
        None | Some("") => Err(Fault::new("The ID cannot be empty.")),
        Some(id) if id.chars().all(|c| c == '_' || c.is_alphanumeric()) => Ok(id),
        Some(_) => {
            Err(Fault::new("API Resource IDs can only contain alphanumeric characters and underscores."))
        }
    }
}

fn same_id(path: &str, body: &str) -> Result<(), Fault> {
    if path == body {
        return Ok(());
    }
    Err(Fault::new("The id from the path does not match the id from the body!"))
}

fn same_named_id(path: &str, body: &str) -> Result<(), Fault> {
    if path == body {
        return Ok(());
    }
    Err(Fault::new(format!("The id from the path [{path}] does not match the id from the body [{body}]!")))
}
