//! Log lines in Firecracker's format: `<time> [<id>:<thread>] <text>`.

use crate::model::logger::LevelFilter;
use std::fs::File;
use std::io::Write;
use std::os::unix::io::{AsRawFd, FromRawFd, RawFd};
use std::sync::Mutex;

struct Logger {
    id: String,
    file: Option<File>,
    level: LevelFilter,
    show_level: bool,
}

static LOGGER: Mutex<Logger> =
    Mutex::new(Logger { id: String::new(), file: None, level: LevelFilter::Info, show_level: false });

/// Sets the instance id that every line carries.
pub fn set_id(id: &str) {
    if let Ok(mut logger) = LOGGER.lock() {
        logger.id = id.to_string();
    }
}

/// Sends further lines to a file instead of stdout.
pub fn set_file(file: File) {
    if let Ok(mut logger) = LOGGER.lock() {
        logger.file = Some(file);
    }
}

/// Sets how much is written.
pub fn set_level(level: Option<LevelFilter>, show_level: Option<bool>) {
    if let Ok(mut logger) = LOGGER.lock() {
        logger.level = level.unwrap_or(logger.level);
        logger.show_level = show_level.unwrap_or(logger.show_level);
    }
}

/// The descriptor of the log file, the level and whether it is shown: what another process image needs.
pub fn state() -> (Option<RawFd>, LevelFilter, bool) {
    LOGGER.lock().map_or((None, LevelFilter::Info, false), |logger| {
        let fd = logger.file.as_ref().map(|file| file.as_raw_fd());
        (fd, logger.level, logger.show_level)
    })
}

/// Takes over a log file from another process image.
///
/// # Safety
/// `fd` must be an open file that nobody else closes.
pub unsafe fn adopt(fd: RawFd) {
    set_file(File::from_raw_fd(fd));
}

/// A line of the level Info.
pub fn info(thread: &str, text: &str) {
    write(LevelFilter::Info, "INFO", thread, text);
}

/// A line of the level Warn.
pub fn warn(thread: &str, text: &str) {
    write(LevelFilter::Warn, "WARN", thread, text);
}

/// A line of the level Error.
pub fn error(thread: &str, text: &str) {
    write(LevelFilter::Error, "ERROR", thread, text);
}

fn write(level: LevelFilter, name: &str, thread: &str, text: &str) {
    if let Ok(mut logger) = LOGGER.lock() {
        if level > logger.level {
            return;
        }
        let id = if logger.id.is_empty() { "anonymous-instance" } else { &logger.id };
        let shown = if logger.show_level { format!(":{name}") } else { String::new() };
        let line = format!("{} [{id}:{thread}{shown}] {text}\n", timestamp());
        match &mut logger.file {
            Some(file) => drop(file.write_all(line.as_bytes())),
            None => drop(std::io::stdout().write_all(line.as_bytes())),
        }
        drop(std::io::stdout().flush());
    }
}

/// The local time with nanoseconds.
fn timestamp() -> String {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: plain out-parameters; an all-zero `tm` is valid.
    let parts = unsafe {
        libc::clock_gettime(libc::CLOCK_REALTIME, &mut now);
        let mut parts: libc::tm = std::mem::zeroed();
        libc::localtime_r(&now.tv_sec, &mut parts);
        parts
    };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}",
        parts.tm_year + 1900,
        parts.tm_mon + 1,
        parts.tm_mday,
        parts.tm_hour,
        parts.tm_min,
        parts.tm_sec,
        now.tv_nsec
    )
}
