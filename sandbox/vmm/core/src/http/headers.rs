//! Request headers: only those that change how a request is read or answered.

use super::HttpError;
use serde::{Deserialize, Serialize};

/// The headers of one request.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Headers {
    /// Length of the body in bytes; 0 means that there is none.
    pub content_length: usize,
    /// `Expect: 100-continue` was sent.
    pub expect: bool,
    /// `Accept: application/json` was sent (metadata service).
    pub accept_json: bool,
    /// Every other header, as sent.
    pub custom: Vec<(String, String)>,
}

impl Headers {
    /// Reads one header line (without CRLF). Values that are merely unknown are ignored.
    pub fn parse_line(&mut self, line: &[u8]) -> Result<(), HttpError> {
        let text = std::str::from_utf8(line).map_err(|e| HttpError::HeaderUtf8(e.to_string()))?;
        let (key, value) = text.split_once(':').ok_or_else(|| HttpError::HeaderFormat(text.to_string()))?;
        let trimmed = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "content-length" => {
                self.content_length = trimmed
                    .parse::<u32>()
                    .map_err(|_| HttpError::HeaderValue(key.to_string(), value.to_string()))?
                    as usize;
            }
            "accept" => match trimmed {
                "application/json" => self.accept_json = true,
                "text/plain" | "*/*" => self.accept_json = false,
                _ => {}
            },
            "expect" => self.expect = self.expect || trimmed == "100-continue",
            "accept-encoding" => check_encoding(trimmed)?,
            "content-type" | "transfer-encoding" | "server" => {}
            _ => self.custom.push((key.to_string(), trimmed.to_string())),
        }
        Ok(())
    }

    /// The value of a header without a meaning of its own, by its name in any case.
    pub fn custom(&self, name: &str) -> Option<&str> {
        self.custom
            .iter()
            .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A client that refuses the identity encoding cannot be answered.
fn check_encoding(value: &str) -> Result<(), HttpError> {
    if value.is_empty() {
        return Err(HttpError::InvalidRequest);
    }
    for encoding in value.split(',').map(str::trim) {
        let refused = encoding == "identity;q=0" || (encoding == "*;q=0" && !value.contains("identity"));
        if refused {
            let key = "Accept-Encoding".to_string();
            return Err(HttpError::HeaderValue(key, encoding.to_string()));
        }
    }
    Ok(())
}
