//! What can be wrong with the bytes of a request, in Firecracker's words.

use std::fmt;

/// A fault of the HTTP layer. It is answered as `{ "error": … }`, not as a `fault_message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpError {
    /// The request line has not three parts, or a line is longer than the buffer.
    InvalidRequest,
    /// A method other than GET, PUT, PATCH, DELETE.
    InvalidMethod,
    /// Empty, or not UTF-8.
    InvalidUri(&'static str),
    /// Neither HTTP/1.0 nor HTTP/1.1.
    InvalidVersion,
    /// A header line without a colon.
    HeaderFormat(String),
    /// A header line that is not UTF-8.
    HeaderUtf8(String),
    /// A header whose value makes the request unusable.
    HeaderValue(String, String),
    /// A header line longer than the buffer.
    HeaderSize(String),
    /// A header that is refused by name (MMDS).
    HeaderName(String),
    /// The body is announced as larger than the limit: (limit, size).
    PayloadSize(usize, usize),
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = "Invalid header. Reason:";
        match self {
            Self::InvalidRequest => write!(f, "Invalid request."),
            Self::InvalidMethod => write!(f, "Invalid HTTP Method: Unsupported HTTP method."),
            Self::InvalidUri(why) => write!(f, "Invalid URI: {why}"),
            Self::InvalidVersion => write!(f, "Invalid HTTP Version: Unsupported HTTP version."),
            Self::HeaderFormat(key) => write!(f, "{header} Header is incorrectly formatted: {key}"),
            Self::HeaderUtf8(e) => write!(f, "{header} Header contains invalid characters: {e}"),
            Self::HeaderValue(k, v) => write!(f, "{header} Invalid value. Key:{k}; Value:{v}"),
            Self::HeaderSize(line) => {
                write!(f, "{header} Header size exceeded. Header: {line}")
            }
            Self::HeaderName(key) => write!(f, "{header} Unsupported header name. Key: {key}"),
            Self::PayloadSize(limit, size) => write!(
                f,
                "Request payload with size {size} is larger than the limit of {limit} allowed by server."
            ),
        }
    }
}
