//! The state file: magic, two lengths, a JSON header, QEMU's device state, CRC-64.

use super::crc64::crc64;
use crate::resources::VmmConfig;
use serde::{Deserialize, Serialize};
use std::convert::TryInto;

/// The format version that goes with Firecracker 1.16.
pub const FORMAT_VERSION: &str = "10.0.0";
const MAGIC: &[u8; 16] = b"HORNET-VMSTATE\0\x01";
const FIXED: usize = 32;
const CRC: usize = 8;

/// What a snapshot says about its guest: everything that has to be the same when it is loaded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// The format version.
    pub version: String,
    /// Drives with their baked paths, taps, MACs, machine, metadata service, boot source.
    pub config: VmmConfig,
}

/// Why a state file cannot be used, in Firecracker's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerError {
    TooShort,
    Malformed,
    Checksum,
}

impl ContainerError {
    /// Firecracker's words for it.
    pub fn text(self) -> &'static str {
        match self {
            Self::TooShort => "IO Error: File too short to contain CRC",
            Self::Malformed => "An error occurred during bitcode serialization: bitcode error",
            Self::Checksum => "CRC64 validation failed",
        }
    }
}

/// The bytes of a state file.
pub fn encode(config: &VmmConfig, devices: &[u8]) -> Result<Vec<u8>, String> {
    let header = Header { version: FORMAT_VERSION.to_string(), config: config.clone() };
    let json = serde_json::to_vec(&header).map_err(|error| error.to_string())?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&(json.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&(devices.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&json);
    bytes.extend_from_slice(devices);
    let crc = crc64(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    Ok(bytes)
}

/// Reads a state file: its header and QEMU's device state.
pub fn decode(bytes: &[u8]) -> Result<(Header, &[u8]), ContainerError> {
    if bytes.len() < CRC {
        return Err(ContainerError::TooShort);
    }
    let number =
        |at: usize| -> Option<u64> { Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?)) };
    let malformed = ContainerError::Malformed;
    if bytes.len() < FIXED + CRC || &bytes[..16] != MAGIC {
        return Err(malformed);
    }
    let json = number(16).ok_or(malformed)?;
    let devices = number(24).ok_or(malformed)?;
    let total = (FIXED as u64 + CRC as u64).checked_add(json).and_then(|n| n.checked_add(devices));
    if total != Some(bytes.len() as u64) {
        return Err(malformed);
    }
    let body = bytes.len() - CRC;
    if number(body) != Some(crc64(&bytes[..body])) {
        return Err(ContainerError::Checksum);
    }
    let split = FIXED + json as usize;
    let header = serde_json::from_slice(&bytes[FIXED..split]).map_err(|_| malformed)?;
    Ok((header, &bytes[split..body]))
}
