//! The guest's kernel: its command line, and whether the file is a kernel at all.

use crate::model::boot::DEFAULT_BOOT_ARGS;
use crate::resources::VmmConfig;
use std::fs::File;
use std::io::Read;

/// The kernel command line: the caller's, what Firecracker adds for the root drive, and what emulation needs.
///
/// `reboot=k` pulses a keyboard controller that the emulated machine has not, and would spin; a triple fault
/// (`reboot=t`) ends QEMU instead. The clock rate is given because its calibration hangs on a loaded host.
pub fn command_line(config: &VmmConfig) -> String {
    let given = config.boot_source.boot_args.as_deref();
    let mut words: Vec<String> = given
        .unwrap_or(DEFAULT_BOOT_ARGS)
        .split_whitespace()
        .map(|word| if word == "reboot=k" { "reboot=t" } else { word }.to_string())
        .collect();
    let own = |name: &str, words: &[String]| words.iter().any(|word| word.starts_with(name));
    if let Some(root) = config.drives.iter().find(|drive| drive.is_root_device) {
        words.push(match &root.partuuid {
            Some(uuid) => format!("root=PARTUUID={uuid}"),
            None => "root=/dev/vda".to_string(),
        });
        words.push(if root.read_only() { "ro" } else { "rw" }.to_string());
    }
    if !own("tsc_early_khz=", &words) {
        words.extend(host_khz().map(|khz| format!("tsc_early_khz={khz}")));
    }
    words.join(" ")
}

/// The host's clock rate in kHz.
fn host_khz() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("cpu MHz"))?;
    let mhz: f64 = line.split(':').nth(1)?.trim().parse().ok()?;
    Some((mhz * 1000.0) as u64)
}

/// Checks that a file is an ELF kernel; the error is Firecracker's text.
pub fn check(path: &str) -> Result<(), String> {
    let mut magic = [0u8; 64];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    let why = match read {
        Err(_) => "Unable to read elf header",
        Ok(()) if !magic.starts_with(b"\x7fELF") => "Invalid Elf magic number",
        Ok(()) => return Ok(()),
    };
    Err(format!(
        "System configuration error: Cannot load kernel due to invalid memory configuration or \
         invalid kernel image: Kernel Loader: failed to load ELF kernel image: Kernel Loader: {why}"
    ))
}
