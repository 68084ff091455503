//! What the command line means.

use crate::args::Args;
use standin_core::PAYLOAD_LIMIT;

/// How the program ends when it cannot go on: the log line, the line on stderr, the exit code.
#[derive(Debug)]
pub struct Failure {
    pub log: String,
    pub stderr: String,
    pub code: i32,
}

impl Failure {
    /// An ordinary error: exit code 1.
    pub fn new(log: impl Into<String>, stderr: impl Into<String>) -> Self {
        Self { log: log.into(), stderr: stderr.into(), code: 1 }
    }
}

/// Ends the process the way a panic of Firecracker does: a log line, then SIGABRT.
pub fn abort(place: &str, text: &str) -> ! {
    standin_core::log::error("main", &format!("Firecracker panicked at {place}:\n{text}"));
    std::process::abort()
}

/// Checks an instance id: letters and digits of any script and `-`, 1 to 64 bytes.
pub fn check_id(id: &str) -> Result<(), String> {
    let known = |c: char| c.is_alphanumeric() || c == '-';
    if id.is_empty() || id.len() > 64 {
        return Err(format!("InvalidLen({}, 1, 64)", id.len()));
    }
    match id.chars().enumerate().find(|(_, c)| !known(*c)) {
        Some((position, c)) => Err(format!("InvalidChar({c:?}, {position})")),
        None => Ok(()),
    }
}

/// A size limit in bytes.
pub fn limit(args: &Args, name: &str) -> Option<usize> {
    let value = args.value(name)?;
    match value.parse() {
        Ok(limit) => Some(limit),
        Err(error) => abort(
            "src/firecracker/src/main.rs",
            &format!("'{name}' parameter expected to be of 'usize' type.: {error:?}"),
        ),
    }
}

/// The limits of request bodies and of the metadata.
pub fn limits(args: &Args) -> (usize, usize) {
    let payload = limit(args, "http-api-max-payload-size").unwrap_or(PAYLOAD_LIMIT);
    let mmds = limit(args, "mmds-size-limit").unwrap_or(payload);
    (payload, mmds)
}
