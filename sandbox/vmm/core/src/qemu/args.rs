//! QEMU's arguments for a guest.

use super::kernel;
use crate::model::drive::{BlockDeviceConfig, CacheType};
use crate::resources::VmmConfig;
use serde_json::json;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::io::RawFd;

/// Paths that do not exist: opening one of them gives the descriptor that goes with it.
pub const MEMORY_PATH: &str = "/dev/hornet-guest-memory";
pub const CONSOLE_PATH: &str = "/dev/hornet-guest-console";

/// The machine has eight virtio slots; the kernel probes the highest first.
const SLOTS: usize = 8;

/// The descriptors that QEMU is given.
pub struct Descriptors {
    pub qmp: RawFd,
    /// One end of a frame socket for each interface, and its Ethernet address.
    pub nets: Vec<(RawFd, String)>,
}

/// QEMU's arguments. `load` waits for a device state over QMP, otherwise the kernel is booted.
pub fn arguments(config: &VmmConfig, fds: &Descriptors, load: bool) -> Result<Vec<String>, String> {
    let machine = config.machine();
    let size = format!("{}M", machine.mem_size_mib);
    // A snapshot's memory file is mapped copy-on-write: clones share it and never change it.
    let share = if load { "off" } else { "on" };
    let memory = format!("memory-backend-file,id=ram,size={size},mem-path={MEMORY_PATH},share={share}");
    let mut args: Vec<String> = Vec::new();
    let mut add = |words: &[&str]| args.extend(words.iter().map(|word| word.to_string()));
    add(&["qemu-system-x86_64", "-M", "microvm,acpi=off,suppress-vmdesc=on,memory-backend=ram"]);
    add(&["-accel", "tcg", "-cpu", "qemu64,+rdrand"]);
    add(&["-smp", &machine.vcpu_count.to_string(), "-m", &size]);
    add(&["-object", &memory, "-nodefaults", "-no-user-config"]);
    add(&["-display", "none", "-no-reboot"]);
    add(&["-global", "migration.send-configuration=off"]);
    add(&["-chardev", &format!("socket,id=qmp,fd={}", fds.qmp)]);
    add(&["-mon", "chardev=qmp,mode=control"]);
    add(&["-chardev", &format!("file,id=console,path={CONSOLE_PATH}")]);
    add(&["-serial", "chardev:console"]);
    let mut slot = SLOTS;
    let mut next = || -> Result<String, String> {
        slot = slot.checked_sub(1).ok_or("more than eight devices are not emulated")?;
        Ok(format!("virtio-mmio-bus.{slot}"))
    };
    for (index, drive) in config.drives.iter().enumerate() {
        add(&["-blockdev", &blockdev(index, drive)]);
        let bus = next()?;
        add(&["-device", &format!("virtio-blk-device,id=vd{index},drive=d{index},bus={bus}")]);
    }
    for (index, (fd, mac)) in fds.nets.iter().enumerate() {
        let bus = next()?;
        add(&["-netdev", &format!("dgram,id=n{index},local.type=fd,local.str={fd}")]);
        let mtu = config.network_interfaces.get(index).and_then(|net| net.mtu);
        let mtu = mtu.map_or(String::new(), |mtu| format!(",host_mtu={mtu}"));
        add(&[
            "-device",
            &format!("virtio-net-device,netdev=n{index},mac={mac},guest_announce=off,bus={bus}{mtu}"),
        ]);
    }
    if config.entropy.is_some() {
        let bus = next()?;
        add(&["-object", "rng-random,id=rng,filename=/dev/urandom"]);
        add(&["-device", &format!("virtio-rng-device,rng=rng,bus={bus}")]);
    }
    if let Some(balloon) = &config.balloon {
        let bus = next()?;
        let deflate = if balloon.deflate_on_oom { "on" } else { "off" };
        add(&["-device", &format!("virtio-balloon-device,deflate-on-oom={deflate},bus={bus}")]);
    }
    if load {
        add(&["-incoming", "defer", "-S"]);
    } else {
        add(&["-kernel", &config.boot_source.kernel_image_path]);
        add(&["-append", &kernel::command_line(config)]);
        if let Some(initrd) = &config.boot_source.initrd_path {
            add(&["-initrd", initrd]);
        }
    }
    Ok(args)
}

/// A drive: exactly the given path, not locked, as Firecracker has it.
fn blockdev(index: usize, drive: &BlockDeviceConfig) -> String {
    let kind = std::fs::metadata(drive.path()).map(|found| found.file_type());
    let is_device = kind.map_or(false, |kind| kind.is_block_device());
    json!({
        "driver": "raw",
        "node-name": format!("d{index}"),
        "read-only": drive.read_only(),
        "cache": { "no-flush": drive.cache_type == CacheType::Unsafe },
        "file": {
            "driver": if is_device { "host_device" } else { "file" },
            "node-name": file_node(index, 0),
            "filename": drive.path(),
            "locking": "off",
            "read-only": drive.read_only(),
            "cache": { "no-flush": drive.cache_type == CacheType::Unsafe },
        },
    })
    .to_string()
}

/// The name of the node behind a drive; it changes whenever the drive gets another file.
pub fn file_node(index: usize, generation: usize) -> String {
    format!("f{index}-{generation}")
}
