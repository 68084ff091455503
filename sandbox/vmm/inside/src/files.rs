//! The files that QEMU believes to open by path, and where it maps the guest's memory.
//!
//! The memory file of a snapshot is opened for reading only and mapped copy-on-write, as Firecracker does it; QEMU
//! would insist on opening it for writing.

use libc::{c_char, c_int, c_void, mode_t, off_t, size_t};
use standin_core::qemu::args::{CONSOLE_PATH, MEMORY_PATH};
use std::ffi::CStr;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

static MEMORY: AtomicI32 = AtomicI32::new(-1);
static CONSOLE: AtomicI32 = AtomicI32::new(-1);
static MAPPED_FD: AtomicI32 = AtomicI32::new(-1);
static ADDRESS: AtomicUsize = AtomicUsize::new(0);
static LENGTH: AtomicUsize = AtomicUsize::new(0);

/// Says which descriptors stand behind the two paths.
pub fn provide(memory: c_int, console: c_int) {
    MEMORY.store(memory, Ordering::SeqCst);
    CONSOLE.store(console, Ordering::SeqCst);
}

/// The guest's memory, once QEMU has mapped it.
pub fn guest_memory() -> Option<&'static [u8]> {
    let address = ADDRESS.load(Ordering::SeqCst);
    let length = LENGTH.load(Ordering::SeqCst);
    if address == 0 {
        return None;
    }
    // SAFETY: QEMU maps its memory once, for its whole life; it is read while the guest is paused.
    Some(unsafe { std::slice::from_raw_parts(address as *const u8, length) })
}

unsafe fn open_at(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    let name = CStr::from_ptr(path).to_bytes();
    let provided = if name == MEMORY_PATH.as_bytes() {
        &MEMORY
    } else if name == CONSOLE_PATH.as_bytes() {
        &CONSOLE
    } else {
        return libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, flags, mode) as c_int;
    };
    let fd = libc::fcntl(provided.load(Ordering::SeqCst), libc::F_DUPFD_CLOEXEC, 3);
    if provided as *const _ == &MEMORY as *const _ {
        MAPPED_FD.store(fd, Ordering::SeqCst);
    }
    fd
}

/// `open` for QEMU.
///
/// # Safety
/// As the C library's function.
#[no_mangle]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    open_at(path, flags, mode)
}

/// `open` with two arguments, as fortified code calls it.
///
/// # Safety
/// As the C library's function.
#[no_mangle]
pub unsafe extern "C" fn __open64_2(path: *const c_char, flags: c_int) -> c_int {
    open_at(path, flags, 0)
}

/// `mmap` for QEMU; notes where the guest's memory is.
///
/// # Safety
/// As the C library's function.
#[no_mangle]
pub unsafe extern "C" fn mmap64(
    address: *mut c_void,
    length: size_t,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: off_t,
) -> *mut c_void {
    let result = libc::syscall(libc::SYS_mmap, address, length, protection, flags, fd, offset);
    let ours = fd >= 0 && fd == MAPPED_FD.load(Ordering::SeqCst);
    if ours && result != -1 && protection & libc::PROT_WRITE != 0 {
        ADDRESS.store(result as usize, Ordering::SeqCst);
        LENGTH.store(length, Ordering::SeqCst);
    }
    result as *mut c_void
}
