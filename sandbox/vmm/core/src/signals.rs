//! The signal that Firecracker ends on with an exit code of its own.

use crate::log;

/// The exit code after SIGHUP.
pub const HANGUP_EXIT: i32 = 156;

/// The handler of SIGHUP.
pub extern "C" fn on_hangup(signal: libc::c_int) {
    let text = format!("Shutting down VM after intercepting signal {signal}, code 0.");
    log::error("main", &text);
    // SAFETY: ends the process at once.
    unsafe { libc::_exit(HANGUP_EXIT) }
}
