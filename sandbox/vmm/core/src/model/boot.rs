//! `/boot-source`.

use serde::{Deserialize, Serialize};

/// What the guest is booted with when no arguments are given.
pub const DEFAULT_BOOT_ARGS: &str = "reboot=k panic=1 nomodule 8250.nr_uarts=0 i8042.noaux \
i8042.nomux i8042.dumbkbd swiotlb=noforce";

/// The longest kernel command line on x86_64, with its terminating zero.
pub const MAX_BOOT_ARGS: usize = 2048;

/// Body of PUT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootSourceConfig {
    pub kernel_image_path: String,
    pub initrd_path: Option<String>,
    pub boot_args: Option<String>,
}
