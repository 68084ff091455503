//! Requests to a running guest's devices besides disk and network.

use crate::action::Runtime;
use crate::fault::{Data, Fault};
use crate::model::devices::{BalloonDeviceConfig, PmemDeviceUpdateConfig};
use crate::model::limiter::RateLimiterConfig;
use crate::runtime::{Machine, Running, INTERNAL, NOT_FOUND, NO_PCI};

const BALLOON_UPDATE: &str = "Balloon update error";

impl<M: Machine> Running<M> {
    pub(crate) fn device(&mut self, request: Runtime) -> Result<Data, Fault> {
        let fault = |why: &str| Fault::new(format!("{BALLOON_UPDATE}: Balloon: {why}"));
        match request {
            Runtime::UpdatePmem(update) => self.update_pmem(&update),
            Runtime::BalloonStatistics => self.balloon_statistics(),
            Runtime::UpdateBalloon(update) => {
                let memory = self.config.machine().mem_size_mib;
                self.balloon(BALLOON_UPDATE)?;
                let left = memory.checked_sub(update.amount_mib as usize);
                let too_much =
                    || fault(&format!("Requested memory should be less than {}MiB", update.amount_mib));
                self.machine.balloon(left.ok_or_else(too_much)?).map_err(|why| fault(&why))?;
                self.balloon(BALLOON_UPDATE)?.amount_mib = update.amount_mib;
                Ok(Data::Empty)
            }
            Runtime::UpdateBalloonStatistics(update) => {
                let balloon = self.balloon(BALLOON_UPDATE)?;
                let (old, new) = (balloon.stats_polling_interval_s, update.stats_polling_interval_s);
                if old != new && (old == 0 || new == 0) {
                    return Err(fault("Statistics cannot be enabled/disabled after activation."));
                }
                balloon.stats_polling_interval_s = new;
                Ok(Data::Empty)
            }
            Runtime::Hinting { read } => {
                if !self.balloon(BALLOON_UPDATE)?.free_page_hinting {
                    return Err(fault("Attempting to use hinting when not enabled"));
                }
                if !read {
                    return Err(Fault::unsupported("free page hinting is not emulated"));
                }
                Ok(Data::Json(r#"{"host_cmd":0,"guest_cmd":null}"#.to_string()))
            }
            Runtime::MemoryHotplug { update } => self.memory_hotplug(update),
            other => Err(Fault::unsupported(&format!("{other:?} is not emulated"))),
        }
    }

    pub(crate) fn balloon(&mut self, prefix: &str) -> Result<&mut BalloonDeviceConfig, Fault> {
        let missing = || Fault::new(format!("{prefix}: {NOT_FOUND}"));
        self.config.balloon.as_mut().ok_or_else(missing)
    }

    fn balloon_statistics(&mut self) -> Result<Data, Fault> {
        let balloon = self.balloon(INTERNAL)?;
        if balloon.stats_polling_interval_s == 0 {
            let why = "Received stats query when stats are disabled.";
            return Err(Fault::new(format!("{INTERNAL}: Balloon: {why}")));
        }
        let mib = u64::from(balloon.amount_mib);
        Ok(Data::Json(format!(
            r#"{{"target_pages":{},"actual_pages":0,"target_mib":{mib},"actual_mib":0}}"#,
            mib * 256
        )))
    }

    fn update_pmem(&mut self, update: &PmemDeviceUpdateConfig) -> Result<Data, Fault> {
        if update.rate_limiter.is_none() {
            return Ok(Data::Empty);
        }
        let missing = || {
            Fault::new(format!(
                "Pmem config error: Unable to patch the pmem device: {NOT_FOUND} Please verify the \
                 request arguments."
            ))
        };
        let pmem = self.config.pmem.iter_mut().find(|pmem| pmem.id == update.id).ok_or_else(missing)?;
        pmem.rate_limiter = RateLimiterConfig::updated(pmem.rate_limiter, update.rate_limiter);
        Ok(Data::Empty)
    }

    fn memory_hotplug(&self, update: bool) -> Result<Data, Fault> {
        let prefix = if update { "Memory hotplug update error" } else { INTERNAL };
        let missing = || Fault::new(format!("{prefix}: {NOT_FOUND}"));
        let memory = self.config.memory_hotplug.as_ref().ok_or_else(missing)?;
        if update {
            return Err(Fault::unsupported("memory hotplug is not emulated"));
        }
        let sizes = [
            ("block_size_mib", memory.block_size_mib),
            ("total_size_mib", memory.total_size_mib),
            ("slot_size_mib", memory.slot_size_mib),
            ("plugged_size_mib", 0),
            ("requested_size_mib", 0),
        ];
        let fields: Vec<String> = sizes.iter().map(|(name, size)| format!("\"{name}\":{size}")).collect();
        Ok(Data::Json(format!("{{{}}}", fields.join(","))))
    }

    pub(crate) fn unplug(&self, kind: &str, id: &str) -> Fault {
        if !self.pci {
            return Fault::new(NO_PCI);
        }
        let config = &self.config;
        let drive = config.drives.iter().find(|drive| kind == "drives" && drive.drive_id == id);
        let pmem = config.pmem.iter().find(|pmem| kind == "pmem" && pmem.id == id);
        let nets = &config.network_interfaces;
        let net = nets.iter().find(|net| kind == "network-interfaces" && net.iface_id == id);
        if drive.map_or(false, |drive| drive.is_root_device) || pmem.map_or(false, |pmem| pmem.root_device) {
            return Fault::new("Cannot unplug root device");
        }
        if drive.is_none() && pmem.is_none() && net.is_none() {
            return Fault::new("Device not found");
        }
        Fault::unsupported("devices cannot be removed from an emulated machine")
    }
}
