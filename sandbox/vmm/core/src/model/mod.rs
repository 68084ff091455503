//! The bodies of the API, field by field. The order and the names of fields and types are part of the behaviour:
//! serde puts them into its error texts, which clients see.

pub mod boot;
pub mod cpu;
pub mod devices;
pub mod drive;
pub mod limiter;
pub mod logger;
pub mod machine;
pub mod mmds;
pub mod net;
pub mod path;
pub mod snapshot;
