//! An action that was refused.

use crate::http::Response;

/// Firecracker's words for it, and the status that goes with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub status: u16,
    pub message: String,
}

/// After InstanceStart or a load.
pub const POST_BOOT: &str = "The requested operation is not supported after starting the microVM.";
/// Before InstanceStart or a load.
pub const PRE_BOOT: &str = "The requested operation is not supported before starting the microVM.";

impl Fault {
    /// A refusal with status 400.
    pub fn new(message: impl Into<String>) -> Self {
        Self { status: 400, message: message.into() }
    }

    /// What this stand-in cannot do, in the form Firecracker has for such a case.
    pub fn unsupported(what: &str) -> Self {
        Self::new(format!("The requested operation is not supported: {what}"))
    }

    /// The response to send.
    pub fn response(&self) -> Response {
        Response::fault(self.status, &self.message)
    }
}

/// The answer to an action.
pub enum Data {
    /// 204.
    Empty,
    /// 200 with this JSON.
    Json(String),
}

/// The response to an action's outcome.
pub fn outcome(result: Result<Data, Fault>) -> Response {
    match result {
        Ok(Data::Empty) => Response::empty(204),
        Ok(Data::Json(body)) => Response::with_body(200, body),
        Err(fault) => fault.response(),
    }
}
