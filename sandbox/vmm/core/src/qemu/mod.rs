//! How QEMU is started.

pub mod args;
pub mod kernel;

pub use args::arguments;
