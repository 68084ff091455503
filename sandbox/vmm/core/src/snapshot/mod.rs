//! Snapshot files: the state file's container, its checksum, and the memory file.

pub mod container;
pub mod crc64;
pub mod memory;
