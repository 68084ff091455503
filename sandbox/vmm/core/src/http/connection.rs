//! One client connection: bytes in, requests out.
//!
//! Firecracker reads at most 1024 bytes at a time into a fixed buffer, and no line of a request may be longer
//! than that buffer. After a fault the rest of what was read is dropped and reading goes on in the same state,
//! so that an oversized body is answered with more than one error. The same is done here, because clients see it.

use super::{HttpError, Request, Response};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The size of the read buffer, and the longest line.
pub const BUFFER_SIZE: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    RequestLine,
    Headers,
    Body,
}

/// Parser state of one connection. It can be carried over into another process image.
#[derive(Debug, Serialize, Deserialize)]
pub struct Connection {
    state: State,
    /// Bytes of an unfinished line.
    partial: Vec<u8>,
    pending: Option<Request>,
    body: Vec<u8>,
    missing: usize,
    /// Complete requests that are not answered yet.
    pub ready: VecDeque<Request>,
    /// Bytes that are not written yet.
    pub outgoing: Vec<u8>,
    /// The largest body that is accepted.
    limit: usize,
}

impl Connection {
    /// A fresh connection that accepts bodies of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            state: State::RequestLine,
            partial: Vec::new(),
            pending: None,
            body: Vec::new(),
            missing: 0,
            ready: VecDeque::new(),
            outgoing: Vec::new(),
            limit,
        }
    }

    /// How many bytes may be read next.
    pub fn room(&self) -> usize {
        BUFFER_SIZE - self.partial.len().min(BUFFER_SIZE)
    }

    /// Takes in what one read gave. A fault drops all unanswered requests and queues the error answer.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut buffer = self.partial.clone();
        buffer.extend_from_slice(bytes);
        if let Err(error) = self.parse(&buffer) {
            self.ready.clear();
            let text =
                format!("{{ \"error\": \"{error}\nAll previous unanswered requests will be dropped.\" }}");
            self.queue(&Response::with_body(400, text));
        }
    }

    /// Queues a response for writing.
    pub fn queue(&mut self, response: &Response) {
        self.outgoing.extend_from_slice(&response.to_bytes());
    }

    fn parse(&mut self, buffer: &[u8]) -> Result<(), HttpError> {
        let mut start = 0;
        loop {
            if self.state == State::Body {
                let rest = &buffer[start..];
                let take = rest.len().min(self.missing);
                self.body.extend_from_slice(&rest[..take]);
                self.missing -= take;
                start += take;
                if self.missing > 0 {
                    self.partial.clear();
                    return Ok(());
                }
                self.finish();
                continue;
            }
            let end = match find_line_end(&buffer[start..]) {
                Some(at) => start + at,
                None if start == 0 && buffer.len() == BUFFER_SIZE => {
                    return Err(if self.state == State::RequestLine {
                        HttpError::InvalidRequest
                    } else {
                        HttpError::HeaderSize(String::from_utf8_lossy(buffer).to_string())
                    });
                }
                None => {
                    self.partial = buffer[start..].to_vec();
                    return Ok(());
                }
            };
            let line = &buffer[start..end];
            start = end + 2;
            self.line(line)?;
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), HttpError> {
        if self.state == State::RequestLine {
            self.pending = Some(Request::from_line(line)?);
            self.state = State::Headers;
            return Ok(());
        }
        let request = self.pending.as_mut().ok_or(HttpError::InvalidRequest)?;
        if !line.is_empty() {
            return request.headers.parse_line(line);
        }
        let length = request.headers.content_length;
        if length > self.limit {
            return Err(HttpError::PayloadSize(self.limit, length));
        }
        if length == 0 {
            self.finish();
            return Ok(());
        }
        if request.headers.expect {
            self.queue(&Response::empty(100));
        }
        self.missing = length;
        self.state = State::Body;
        Ok(())
    }

    fn finish(&mut self) {
        let body = std::mem::take(&mut self.body);
        if let Some(mut request) = self.pending.take() {
            request.body = (request.headers.content_length > 0).then_some(body);
            self.ready.push_back(request);
        }
        self.state = State::RequestLine;
    }
}

/// The position of the first CRLF.
pub fn find_line_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair == b"\r\n")
}
