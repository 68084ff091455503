//! The state file. It begins as Firecracker's does since format 9: a byte of packing, the magic number, the format
//! version as text after a byte of length. What follows is this stand-in's own: a mark with the format, two lengths, a
//! JSON header, QEMU's device state; CRC-64 ends it.
//!
//! Firecracker reads a file as one structure, which differs from format to format: a file of another format cannot be
//! read at all, not even its version.

use super::crc64::crc64;
use crate::resources::VmmConfig;
use crate::version;
use serde::{Deserialize, Serialize};
use std::convert::TryInto;
use std::io::{self, Read};

const MAGIC: u64 = 0x0710_1984_8664_0000;
const MARK: &[u8; 16] = b"HORNET-VMSTATE\0\x02";
/// The mark, the format, two lengths.
const FIXED: usize = 40;
const CRC: usize = 8;
/// Firecracker reads no more than this many bytes.
const LIMIT: u64 = 10_000_000;

/// What a snapshot says about its guest: everything that has to be the same when it is loaded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// Drives with their baked paths, taps, MACs, machine, metadata service, boot source.
    pub config: VmmConfig,
    /// Its devices are on a PCI bus.
    #[serde(default)]
    pub pci: bool,
}

/// Why a state file cannot be used.
#[derive(Debug)]
pub enum ContainerError {
    TooShort,
    TooLong,
    Malformed,
    Magic(u64),
    Format(String),
    Checksum,
    Io(io::Error),
}

impl ContainerError {
    /// Firecracker's words for it.
    pub fn text(&self) -> String {
        match self {
            Self::TooShort => "IO Error: File too short to contain CRC".to_string(),
            Self::TooLong => format!("Snapshot size exceeds limit of {LIMIT} bytes"),
            Self::Malformed => "An error occurred during bitcode serialization: bitcode error".to_string(),
            Self::Magic(magic) => format!("Magic value does not match arch: {magic}"),
            Self::Format(version) => format!("Invalid data version: {version}"),
            Self::Checksum => "CRC64 validation failed".to_string(),
            Self::Io(error) => format!("IO Error: {error}"),
        }
    }

    /// As Rust prints Firecracker's own error for debugging.
    pub fn debug(&self) -> String {
        match self {
            Self::TooShort => {
                "Io(Custom { kind: UnexpectedEof, error: \"File too short to contain CRC\" })".to_string()
            }
            Self::TooLong => format!("SizeLimitExceeded({LIMIT})"),
            Self::Malformed => "Bitcode(Error(\"bitcode error\"))".to_string(),
            Self::Magic(magic) => format!("InvalidMagic({magic})"),
            Self::Format(version) => format!("InvalidFormatVersion({version})"),
            Self::Checksum => "Crc64".to_string(),
            Self::Io(error) => format!("Io({error:?})"),
        }
    }
}

/// The bytes of a state file.
pub fn encode(config: &VmmConfig, pci: bool, devices: &[u8]) -> Result<Vec<u8>, String> {
    let format = version::current().format;
    let json = serde_json::to_vec(&Header { config: config.clone(), pci }).map_err(|e| e.to_string())?;
    let text = format!("{format}.0.0");
    let mut bytes = vec![0];
    bytes.extend_from_slice(&MAGIC.to_le_bytes());
    bytes.push(text.len() as u8);
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(MARK);
    for number in [format, json.len() as u64, devices.len() as u64] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&json);
    bytes.extend_from_slice(devices);
    let crc = crc64(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    Ok(bytes)
}

/// The bytes of an open state file.
pub fn read_bytes(file: impl Read) -> Result<Vec<u8>, ContainerError> {
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(ContainerError::Io)?;
    if bytes.len() as u64 > LIMIT {
        return Err(ContainerError::TooLong);
    }
    if bytes.len() < CRC {
        return Err(ContainerError::TooShort);
    }
    Ok(bytes)
}

/// The parts of a file that has this program's structure.
struct Parts<'a> {
    magic: u64,
    version: &'a str,
    json: &'a [u8],
    devices: &'a [u8],
}

/// The format version that a file names. Neither its checksum nor its magic number is looked at.
pub fn format_version(bytes: &[u8]) -> Result<String, ContainerError> {
    parts(bytes).map(|parts| parts.version.to_string()).ok_or(ContainerError::Malformed)
}

/// Reads a state file: its header and QEMU's device state.
pub fn decode(bytes: &[u8]) -> Result<(Header, &[u8]), ContainerError> {
    let parts = parts(bytes).ok_or(ContainerError::Malformed)?;
    if parts.magic != MAGIC {
        return Err(ContainerError::Magic(parts.magic));
    }
    if parts.version != format!("{}.0.0", version::current().format) {
        return Err(ContainerError::Format(parts.version.to_string()));
    }
    let body = bytes.len() - CRC;
    if number(bytes, body) != Some(crc64(&bytes[..body])) {
        return Err(ContainerError::Checksum);
    }
    let header = serde_json::from_slice(parts.json).map_err(|_| ContainerError::Malformed)?;
    Ok((header, parts.devices))
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

fn parts(bytes: &[u8]) -> Option<Parts> {
    let data = bytes.get(..bytes.len().checked_sub(CRC)?)?;
    if *data.first()? != 0 {
        return None;
    }
    let magic = number(data, 1)?;
    let start = 10 + usize::from(*data.get(9)?);
    let version = std::str::from_utf8(data.get(10..start)?).ok()?;
    if version.split('.').filter(|part| part.parse::<u64>().is_ok()).count() != 3 {
        return None;
    }
    let rest = data.get(start..)?;
    if rest.get(..16)? != MARK || number(rest, 16)? != version::current().format {
        return None;
    }
    let (json, devices) = (number(rest, 24)? as usize, number(rest, 32)? as usize);
    if FIXED.checked_add(json)?.checked_add(devices)? != rest.len() {
        return None;
    }
    let (json, devices) = rest[FIXED..].split_at(json);
    Some(Parts { magic, version, json, devices })
}
