//! `--config-file`: everything that the API could configure, in one file, started at once.

use crate::launch::Launch;
use crate::options::Failure;
use crate::serve::Before;
use standin_core::action::Action;
use standin_core::fault::Fault;
use standin_core::log;
use standin_core::preboot::Outcome;
use standin_core::resources::VmmConfig;

/// Configures and prepares the guest of a config file.
pub fn start(before: &mut Before, text: &str, with_api: bool) -> Result<Launch, Failure> {
    let (name, debug) = if with_api {
        ("RunWithApiError error: Failed to build MicroVM from Json", "RunWithApi(BuildFromJson")
    } else {
        (
            "RunWithoutApiError error: Failed to build MicroVM from Json",
            "RunWithoutApiError(BuildMicroVMFromJson",
        )
    };
    let failure =
        |why: String, detail: String| Failure::new(format!("{name}: {why}"), format!("{debug}({detail}))"));
    let config: VmmConfig = serde_json::from_str(text).map_err(|error| {
        let why = format!("Configuration for VMM from one single json failed: Invalid JSON: {error}");
        failure(why, format!("ParseFromJson(InvalidJson({error:?}))"))
    })?;
    let fault = |fault: Fault| {
        // From a file the first words are others than from a request.
        let message = fault.message.replacen("Drive config error", "Block device error", 1);
        let why = format!("Configuration for VMM from one single json failed: {message}");
        failure(why, format!("ParseFromJson({:?})", fault.message))
    };
    for action in actions(config) {
        before.preboot.handle(action).map_err(fault)?;
    }
    match before.preboot.handle(Action::Start) {
        Ok(Outcome::Start) => {}
        Ok(_) => return Err(failure("nothing to start".to_string(), String::new())),
        Err(refused) => return Err(fault(refused)),
    }
    (before.check_host)().map_err(|why| failure(why.clone(), format!("StartMicroVM({why:?})")))?;
    let launch = crate::launch::boot(&mut before.preboot)
        .map_err(|why| failure(why.clone(), format!("StartMicroVM({why:?})")))?;
    log::info("main", "Successfully started microvm that was configured from one single json");
    Ok(launch)
}

fn actions(config: VmmConfig) -> Vec<Action> {
    let mut actions = Vec::new();
    actions.extend(config.logger.map(Action::Logger));
    actions.extend(config.metrics.map(Action::Metrics));
    actions.extend(config.machine_config.map(|machine| Action::MachineConfig(machine.into())));
    actions.push(Action::BootSource(config.boot_source));
    actions.extend(config.drives.into_iter().map(Action::Drive));
    actions.extend(config.network_interfaces.into_iter().map(Action::Network));
    actions.extend(config.vsock.map(Action::Vsock));
    actions.extend(config.balloon.map(Action::Balloon));
    actions.extend(config.mmds_config.map(Action::MmdsConfig));
    actions.extend(config.entropy.map(Action::Entropy));
    actions.extend(config.pmem.into_iter().map(Action::Pmem));
    actions.extend(config.memory_hotplug.map(Action::MemoryHotplug));
    actions
}
