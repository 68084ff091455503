//! The chroot of a jailed VMM.

use super::fault::Fault;
use super::system::{chown, done, mount, text};
use std::fs;
use std::io;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::Path;

/// Makes ROOT the root of a mount namespace of this process's own.
pub fn enter(root: &Path) -> Result<(), Fault> {
    let failed = |words: &'static str, name: &'static str| move |e: io::Error| Fault::call(words, name, e);
    // SAFETY: a plain call.
    done(unsafe { libc::unshare(libc::CLONE_NEWNS) })
        .map_err(failed("Failed to unshare into new mount namespace", "UnshareNewNs"))?;
    mount("", Path::new("/"), "", libc::MS_SLAVE | libc::MS_REC, "")
        .map_err(failed("Failed to change the propagation type to slave", "MountPropagationSlave"))?;
    let bound = mount(&root.to_string_lossy(), root, "", libc::MS_BIND | libc::MS_REC, "");
    bound.map_err(failed("Failed to bind mount the jail root directory", "MountBind"))?;
    show_machine(root).map_err(failed("Failed to show the machine's programs in the jail", "MountBind"))?;
    std::env::set_current_dir(root).map_err(failed("Failed to change current directory", "SetCurrentDir"))?;
    let old = Path::new("old_root");
    fs::create_dir(old)
        .map_err(failed("Failed to create the jail root directory before pivoting root", "CreateDir"))?;
    let pivot = || -> io::Result<()> {
        let (here, there) = (text(".")?, text(old)?);
        // SAFETY: both pointers are to terminated strings.
        done(unsafe { libc::syscall(libc::SYS_pivot_root, here.as_ptr(), there.as_ptr()) as i32 }).map(drop)
    };
    pivot().map_err(failed("Failed to pivot root", "PivotRoot"))?;
    std::env::set_current_dir("/").map_err(failed("Failed to change current directory", "SetCurrentDir"))?;
    let leave = || -> io::Result<()> {
        let there = text(old)?;
        // SAFETY: the pointer is to a terminated string.
        done(unsafe { libc::umount2(there.as_ptr(), libc::MNT_DETACH) })?;
        fs::remove_dir(old)
    };
    leave().map_err(failed("Failed to unmount the old jail root", "UmountOldRoot"))
}

/// What the stand-in needs in a jail, and Firecracker does not: libraries and QEMU, and a /proc for its own files.
fn show_machine(root: &Path) -> io::Result<()> {
    let usr = root.join("usr");
    make_folder(&usr)?;
    mount("/usr", &usr, "", libc::MS_BIND | libc::MS_REC, "")?;
    mount(
        "",
        &usr,
        "",
        libc::MS_BIND | libc::MS_REMOUNT | libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV,
        "",
    )?;
    for name in ["lib", "lib64"] {
        match symlink(format!("usr/{name}"), root.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    let proc = root.join("proc");
    make_folder(&proc)?;
    mount("proc", &proc, "proc", libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC, "hidepid=2")
}

fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// The devices of a VMM, in the chroot that this process is in, and the folders that belong to its user.
pub fn make_devices(uid: u32, gid: u32) -> Result<(), Fault> {
    for folder in ["/", "/dev", "/dev/net", "/run"] {
        let made = || -> io::Result<()> {
            fs::create_dir_all(folder)?;
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
            chown(Path::new(folder), uid, gid)
        };
        made().map_err(|e| Fault::file("Failed to create directory {}", "CreateDir", folder, e))?;
    }
    let devices = [("/dev/net/tun", 10, 200), ("/dev/kvm", 10, 232), ("/dev/urandom", 1, 9)];
    for (path, major, minor) in devices {
        make_device(path, major, minor, uid, gid)?;
    }
    match misc_minor("userfaultfd") {
        Some(minor) => make_device("/dev/userfaultfd", 10, minor, uid, gid),
        None => Ok(()),
    }
}

fn make_device(path: &str, major: u32, minor: u32, uid: u32, gid: u32) -> Result<(), Fault> {
    let failed = |error: io::Error| {
        let words = format!("Failed to create {path} via mknod inside the jail: {error}");
        Fault::new(words, format!("MknodDev({error:?}, {path:?})"))
    };
    let name = text(path).map_err(failed)?;
    let mode = libc::S_IFCHR | libc::S_IRUSR | libc::S_IWUSR;
    // SAFETY: the pointer is to a terminated string.
    done(unsafe { libc::mknod(name.as_ptr(), mode, libc::makedev(major, minor)) }).map_err(failed)?;
    chown(Path::new(path), uid, gid)
        .map_err(|e| Fault::file("Failed to change owner for {}", "ChangeFileOwner", path, e))
}

/// The minor number that the kernel gave to a device of its `misc` class.
fn misc_minor(name: &str) -> Option<u32> {
    let listed = fs::read_to_string("/proc/misc").ok()?;
    let mut rows = listed.lines().filter_map(|line| line.trim().split_once(' '));
    rows.find(|(_, device)| *device == name).and_then(|(minor, _)| minor.parse().ok())
}
