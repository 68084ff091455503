//! QEMU's machine protocol: one JSON object a line, over a socket pair.

use serde_json::{json, Value};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::io::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::net::UnixStream;

/// The client's side.
pub struct Qmp {
    reader: BufReader<UnixStream>,
}

impl Qmp {
    /// Waits for QEMU's greeting.
    ///
    /// # Safety
    /// `fd` must be an open stream socket that nobody else closes.
    pub unsafe fn connect(fd: RawFd) -> io::Result<Self> {
        let reader = BufReader::new(UnixStream::from_raw_fd(fd));
        let mut qmp = Self { reader };
        qmp.line()?;
        qmp.execute("qmp_capabilities", json!({})).map_err(other)?;
        Ok(qmp)
    }

    /// The descriptor, to wait for events.
    pub fn fd(&self) -> RawFd {
        self.reader.get_ref().as_raw_fd()
    }

    /// Runs a command and gives its return value; events in between are dropped.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, String> {
        let text = json!({ "execute": command, "arguments": arguments }).to_string();
        let failed = |error: io::Error| format!("QEMU does not answer {command}: {error}");
        self.reader.get_ref().write_all(text.as_bytes()).map_err(failed)?;
        loop {
            let mut answer = self.line().map_err(failed)?;
            if let Some(error) = answer.get("error") {
                let why = error["desc"].as_str().unwrap_or("unknown error");
                return Err(format!("QEMU refuses {command}: {why}"));
            }
            if answer.get("return").is_some() {
                return Ok(answer["return"].take());
            }
        }
    }

    /// Waits until an incoming migration has ended.
    pub fn wait_for_migration(&mut self) -> Result<(), String> {
        loop {
            let line = self.line().map_err(|error| format!("QEMU has ended: {error}"))?;
            if line["event"] != "MIGRATION" {
                continue;
            }
            match line["data"]["status"].as_str() {
                Some("completed") => return Ok(()),
                Some("failed") => return Err("QEMU cannot load the device state".to_string()),
                _ => {}
            }
        }
    }

    /// Throws away what QEMU says unasked. False when it has gone.
    pub fn drain(&mut self) -> bool {
        loop {
            if self.line().is_err() {
                return false;
            }
            if !self.reader.buffer().contains(&b'\n') {
                return true;
            }
        }
    }

    fn line(&mut self) -> io::Result<Value> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        serde_json::from_str(&line).map_err(other)
    }
}

fn other<E: ToString>(error: E) -> io::Error {
    io::Error::new(io::ErrorKind::Other, error.to_string())
}
