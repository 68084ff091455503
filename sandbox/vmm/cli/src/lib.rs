//! The program that is started as `firecracker`: its command line, and the API until the guest is started.

pub mod args;
pub mod exec;
pub mod from_file;
pub mod jail;
pub mod launch;
pub mod options;
pub mod program;
pub mod serve;
