//! One request from its parsing to its response, with the log lines that go with it.

use crate::action::{Action, Parsed};
use crate::fault::{outcome, Data, Fault};
use crate::http::{Request, Response};
use crate::log;

/// Logs a request. The metadata are never written to a log.
pub fn log_request(request: &Request) {
    let method = request.method.name();
    let path = request.path();
    let text = match &request.body {
        Some(body) if path != "/mmds" && path != "/cpu-config" => {
            let body = std::str::from_utf8(body).unwrap_or("inconvertible to UTF-8");
            format!("{method} request on {path:?} with body {body:?}")
        }
        _ => format!("{method} request on {path:?}"),
    };
    log::info("fc_api", &format!("The API server received a {text}."));
}

/// Logs an outcome and makes its response.
pub fn respond(result: Result<Data, Fault>, deprecated: Option<&str>) -> Response {
    match &result {
        Ok(Data::Empty) => {
            log::info("fc_api", "The request was executed successfully. Status code: 204 No Content.");
        }
        Ok(Data::Json(_)) => {
            log::info("fc_api", "The request was executed successfully. Status code: 200 OK.");
        }
        Err(fault) => {
            let text = format!("Received Error. Status code: 400 Bad Request. Message: {}", fault.message);
            log::error("fc_api", &text);
        }
    }
    let mut response = outcome(result);
    if let Some(message) = deprecated {
        log::warn("fc_api", message);
        response.deprecated = true;
    }
    response
}

/// Does and answers a request, by what it was found to ask for.
pub fn serve(
    request: &Request,
    routed: Result<Parsed, Fault>,
    act: impl FnOnce(Action) -> Result<Data, Fault>,
) -> Response {
    log_request(request);
    match routed {
        Ok(parsed) => respond(act(parsed.action), parsed.deprecated),
        Err(fault) => respond(Err(fault), None),
    }
}
