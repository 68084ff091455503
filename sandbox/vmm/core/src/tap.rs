//! Opening a tap by its name, as Firecracker does it: as root, a name that does not exist becomes a new tap that
//! vanishes with the descriptor.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::io::AsRawFd;

const TUNSETIFF: libc::c_ulong = 0x4004_54ca;
const IFF_TAP: libc::c_short = 0x0002;
const IFF_NO_PI: libc::c_short = 0x1000;

/// Opens the tap `name` for frames without any header before them, and gives the name that the kernel knows it by: it
/// chooses one for an empty name and for `tap%d`.
///
/// The error is Firecracker's own text, to be put after the name of the failed step.
pub fn open(name: &str) -> Result<(File, String), String> {
    let bytes = name.as_bytes();
    if bytes.len() >= libc::IFNAMSIZ {
        return Err("Open tap device failed: Invalid interface name".to_string());
    }
    attach(bytes).map_err(|(step, error)| match step {
        Step::Open => format!("Open tap device failed: Couldn't open /dev/net/tun: {error}"),
        Step::Attach => format!(
            "Open tap device failed: Error while creating ifreq structure: {error}. Invalid \
             TUN/TAP Backend provided by {name}. Check our documentation on setting up the \
             network devices."
        ),
    })
}

enum Step {
    Open,
    Attach,
}

fn attach(name: &[u8]) -> Result<(File, String), (Step, io::Error)> {
    let tun = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")
        .map_err(|error| (Step::Open, error))?;
    // SAFETY: an all-zero `ifreq` is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name) {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = IFF_TAP | IFF_NO_PI;
    // SAFETY: TUNSETIFF takes a pointer to an `ifreq`.
    if unsafe { libc::ioctl(tun.as_raw_fd(), TUNSETIFF, &mut request) } < 0 {
        return Err((Step::Attach, io::Error::last_os_error()));
    }
    let name = request.ifr_name.iter().take_while(|byte| **byte != 0).map(|byte| *byte as u8).collect();
    Ok((tun, String::from_utf8(name).unwrap_or_default()))
}
