//! Files that the API is given by path.

use crate::fault::Fault;
use crate::model::devices::PmemConfig;
use crate::model::logger::LoggerConfig;
use crate::model::path::PathText;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

/// Opens a log, metrics or console file for appending; it is created when missing, and may be a named pipe.
pub fn open_append(path: &str) -> io::Result<File> {
    OpenOptions::new().create(true).read(true).append(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// Opens a disk as it will be used and asks for its size, which a folder has not; the error is Firecracker's text and ends
/// with the path.
pub fn open_disk(path: &str, read_only: bool) -> Result<File, String> {
    let open = || {
        let mut file = OpenOptions::new().read(true).write(!read_only).open(path)?;
        file.seek(SeekFrom::End(0))?;
        Ok(file)
    };
    open().map_err(|error: io::Error| {
        format!("Virtio backend error: Error manipulating the backing file: {error} {path}")
    })
}

/// Opens what stands behind a pmem device; the error is Firecracker's text.
pub fn open_pmem(config: &PmemConfig) -> Result<File, String> {
    let fault = |error: io::Error| format!("Error accessing backing file: {error}");
    let file =
        OpenOptions::new().read(true).write(!config.read_only).open(&config.path_on_host).map_err(fault)?;
    if file.metadata().map_err(fault)?.len() == 0 {
        return Err("Error backing file size is 0".to_string());
    }
    Ok(file)
}

/// Applies PUT /logger.
pub fn configure_logger(config: &LoggerConfig) -> Result<(), Fault> {
    if let Some(PathText(path)) = &config.log_path {
        let file = open_append(path)
            .map_err(|e| Fault::new(format!("Logger error: Failed to open target file: {e}")))?;
        crate::log::set_file(file);
    }
    crate::log::set_level(config.level, config.show_level);
    Ok(())
}
