//! A response, with exactly the header lines that Firecracker writes.

/// One response. There is no reason phrase in its status line.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub body: Option<String>,
    /// `Deprecation: true` is sent along.
    pub deprecated: bool,
    /// text/plain instead of application/json.
    pub plain: bool,
    /// Answer with HTTP/1.0 (metadata service only).
    pub http10: bool,
    /// The `Server` header.
    pub server: &'static str,
    /// The methods of an `Allow` header.
    pub allow: Option<&'static str>,
}

impl Response {
    /// A response without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            body: None,
            deprecated: false,
            plain: false,
            http10: false,
            server: "Firecracker API",
            allow: None,
        }
    }

    /// A response with a body.
    pub fn with_body(status: u16, body: String) -> Self {
        Self { body: Some(body), ..Self::empty(status) }
    }

    /// The usual form of an error: `{"fault_message": …}`.
    pub fn fault(status: u16, message: &str) -> Self {
        let body = serde_json::json!({ "fault_message": message });
        Self::with_body(status, body.to_string())
    }

    /// The bytes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let version = if self.http10 { "1.0" } else { "1.1" };
        let mut head = format!(
            "HTTP/{version} {} \r\nServer: {}\r\nConnection: keep-alive\r\n",
            self.status, self.server
        );
        if let Some(allow) = self.allow {
            head.push_str(&format!("Allow: {allow}\r\n"));
        }
        if self.deprecated {
            head.push_str("Deprecation: true\r\n");
        }
        let body = self.body.as_deref().unwrap_or("");
        let has_length = self.body.is_some() || !matches!(self.status, 100 | 204);
        if has_length {
            let kind = if self.plain { "text/plain" } else { "application/json" };
            head.push_str(&format!("Content-Type: {kind}\r\n"));
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        head.push_str(body);
        head.into_bytes()
    }
}
