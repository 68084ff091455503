//! `/machine-config`.

use serde::{Deserialize, Serialize};

/// CPU templates by name. They only mask CPU features, which means nothing to an emulated CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StaticCpuTemplate {
    C3,
    T2,
    T2S,
    None,
    T2CL,
    T2A,
}

/// The page size behind the guest's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HugePageConfig {
    #[default]
    None,
    #[serde(rename = "2M")]
    Hugetlbfs2M,
}

/// Body of PUT and answer of GET.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineConfig {
    pub vcpu_count: u8,
    pub mem_size_mib: usize,
    #[serde(default)]
    pub smt: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_template: Option<StaticCpuTemplate>,
    #[serde(default)]
    pub track_dirty_pages: bool,
    #[serde(default)]
    pub huge_pages: HugePageConfig,
}

impl Default for MachineConfig {
    fn default() -> Self {
        Self {
            vcpu_count: 1,
            mem_size_mib: 128,
            smt: false,
            cpu_template: None,
            track_dirty_pages: false,
            huge_pages: HugePageConfig::None,
        }
    }
}

/// Body of PATCH: at least one field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineConfigUpdate {
    #[serde(default)]
    pub vcpu_count: Option<u8>,
    #[serde(default)]
    pub mem_size_mib: Option<usize>,
    #[serde(default)]
    pub smt: Option<bool>,
    #[serde(default)]
    pub cpu_template: Option<StaticCpuTemplate>,
    #[serde(default)]
    pub track_dirty_pages: Option<bool>,
    #[serde(default)]
    pub huge_pages: Option<HugePageConfig>,
}

impl From<MachineConfig> for MachineConfigUpdate {
    fn from(config: MachineConfig) -> Self {
        Self {
            vcpu_count: Some(config.vcpu_count),
            mem_size_mib: Some(config.mem_size_mib),
            smt: Some(config.smt),
            cpu_template: config.cpu_template,
            track_dirty_pages: Some(config.track_dirty_pages),
            huge_pages: Some(config.huge_pages),
        }
    }
}

impl MachineConfig {
    /// The configuration after an update, or Firecracker's words for what is wrong with it.
    pub fn updated(&self, update: &MachineConfigUpdate) -> Result<Self, &'static str> {
        let vcpu_count = update.vcpu_count.unwrap_or(self.vcpu_count);
        let smt = update.smt.unwrap_or(self.smt);
        let odd = smt && vcpu_count > 1 && vcpu_count % 2 == 1;
        if vcpu_count == 0 || vcpu_count > 32 || odd {
            return Err("The number of vCPUs must be greater than 0, less than 32 and must be 1 or an \
                 even number if SMT is enabled.");
        }
        let mem_size_mib = update.mem_size_mib.unwrap_or(self.mem_size_mib);
        let huge_pages = update.huge_pages.unwrap_or(self.huge_pages);
        let unaligned = huge_pages == HugePageConfig::Hugetlbfs2M && mem_size_mib % 2 != 0;
        if mem_size_mib == 0 || unaligned {
            return Err("The memory size (MiB) is either 0, or not a multiple of the configured page size.");
        }
        let cpu_template = match update.cpu_template {
            None => self.cpu_template,
            Some(StaticCpuTemplate::None) => None,
            other => other,
        };
        Ok(Self {
            vcpu_count,
            mem_size_mib,
            smt,
            cpu_template,
            track_dirty_pages: update.track_dirty_pages.unwrap_or(self.track_dirty_pages),
            huge_pages,
        })
    }
}
