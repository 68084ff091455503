//! A request: method, path, headers, body.

use super::{Headers, HttpError};
use serde::{Deserialize, Serialize};

/// The methods that exist at all; any other is an error of the HTTP layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    Get,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// As it stands in a request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// As it stands in a log line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "Get",
            Self::Put => "Put",
            Self::Patch => "Patch",
            Self::Delete => "Delete",
        }
    }
}

/// One complete request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    pub method: Method,
    pub uri: String,
    /// HTTP/1.0 was asked for.
    pub http10: bool,
    pub headers: Headers,
    /// None when no body was announced.
    pub body: Option<Vec<u8>>,
}

impl Request {
    /// Reads a request line (without CRLF): exactly method, URI and version, one space between.
    pub fn from_line(line: &[u8]) -> Result<Self, HttpError> {
        let mut parts = line.splitn(3, |byte| *byte == b' ');
        let (method, uri, version) = match (parts.next(), parts.next(), parts.next()) {
            (Some(method), Some(uri), Some(version)) => (method, uri, version),
            _ => return Err(HttpError::InvalidRequest),
        };
        let method = match method {
            b"GET" => Method::Get,
            b"PUT" => Method::Put,
            b"PATCH" => Method::Patch,
            b"DELETE" => Method::Delete,
            _ => return Err(HttpError::InvalidMethod),
        };
        if uri.is_empty() {
            return Err(HttpError::InvalidUri("Empty URI not allowed."));
        }
        let uri = std::str::from_utf8(uri)
            .map_err(|_| HttpError::InvalidUri("Cannot parse URI as UTF-8."))?
            .to_string();
        let http10 = match version {
            b"HTTP/1.0" => true,
            b"HTTP/1.1" => false,
            _ => return Err(HttpError::InvalidVersion),
        };
        Ok(Self { method, uri, http10, headers: Headers::default(), body: None })
    }

    /// The path of the URI; empty when it is neither `/…` nor `http://host/…`.
    pub fn path(&self) -> &str {
        match self.uri.strip_prefix("http://") {
            Some(rest) => rest.find('/').map_or("", |at| &rest[at..]),
            None if self.uri.starts_with('/') => &self.uri,
            None => "",
        }
    }
}
