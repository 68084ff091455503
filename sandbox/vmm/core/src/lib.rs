//! The parts of the Firecracker stand-in that are needed before and after the guest is started.

pub mod action;
pub mod fault;
pub mod files;
pub mod handoff;
pub mod http;
pub mod log;
pub mod metrics;
pub mod mmds;
pub mod model;
pub mod preboot;
pub mod qemu;
pub mod reads;
pub mod resources;
pub mod restore;
pub mod route;
pub mod runtime;
mod runtime_devices;
pub mod serve;
pub mod signals;
pub mod snapshot;
pub mod tap;
pub mod version;

/// The default limit of a request body and of the metadata, in bytes.
pub const PAYLOAD_LIMIT: usize = 51_200;
