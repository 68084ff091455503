//! System calls with Rust's types.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path or text for a system call.
pub fn text(path: impl AsRef<Path>) -> io::Result<CString> {
    CString::new(path.as_ref().as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// The result of a call that answers -1 where it fails.
pub fn done(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

/// Closes every descriptor but stdin, stdout and stderr.
pub fn close_descriptors() {
    // SAFETY: nothing else of this program has opened one yet.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
}

/// Removes every variable of the environment.
pub fn clear_environment() {
    let names: Vec<_> = std::env::vars_os().map(|(name, _)| name).collect();
    names.iter().for_each(std::env::remove_var);
}

/// mount(2).
pub fn mount(source: &str, target: &Path, kind: &str, flags: libc::c_ulong, data: &str) -> io::Result<()> {
    let (source, target) = (text(source)?, text(target)?);
    let (kind, data) = (text(kind)?, text(data)?);
    // SAFETY: all pointers are to terminated strings.
    done(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, data.as_ptr().cast()) })
        .map(drop)
}

/// chown(2).
pub fn chown(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let path = text(path)?;
    // SAFETY: the pointer is to a terminated string.
    done(unsafe { libc::chown(path.as_ptr(), uid, gid) }).map(drop)
}

/// The CPU time of this process in µs.
pub fn cpu_time() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec * 1_000_000 + time.tv_nsec / 1000
}
