//! The HTTP layer, with the rules of Firecracker's own small HTTP server.

pub mod connection;
pub mod error;
pub mod headers;
pub mod request;
pub mod response;
pub mod server;

pub use connection::Connection;
pub use error::HttpError;
pub use headers::Headers;
pub use request::{Method, Request};
pub use response::Response;
