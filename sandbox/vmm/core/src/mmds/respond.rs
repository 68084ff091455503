//! The answers of the metadata service to the guest.

use super::store::{Mmds, MmdsError};
use crate::http::{HttpError, Method, Request, Response};
use crate::model::mmds::MmdsVersion;

const TOKEN_PATH: &str = "/latest/api/token";
const TOKEN: [&str; 2] = ["x-metadata-token", "x-aws-ec2-metadata-token"];
const TTL: [&str; 2] = ["x-metadata-token-ttl-seconds", "x-aws-ec2-metadata-token-ttl-seconds"];

/// The answer to one request of the guest.
pub fn respond(mmds: &mut Mmds, request: &Request) -> Response {
    let mut response = match (mmds.version, request.method) {
        _ if request.path().is_empty() => text(400, "Invalid URI."),
        (MmdsVersion::V1, Method::Get) => get(mmds, request),
        // Since 1.13 a client of V2 also gets its token where V1 is configured.
        (MmdsVersion::V1, Method::Put) => put(mmds, request),
        (MmdsVersion::V2, Method::Get) => match header(request, &TOKEN) {
            None => text(
                401,
                "No MMDS token provided. Use `X-metadata-token` or `X-aws-ec2-metadata-token` \
                 header to specify the session token.",
            ),
            Some((_, token)) if mmds.tokens.is_valid(token) => get(mmds, request),
            Some(_) => text(401, "MMDS token not valid."),
        },
        (MmdsVersion::V2, Method::Put) => put(mmds, request),
        _ => {
            let mut response = text(405, "Not allowed HTTP method.");
            response.allow = Some("GET, PUT");
            response
        }
    };
    response.http10 = request.http10;
    response
}

fn text(status: u16, body: &str) -> Response {
    let mut response = Response::with_body(status, body.to_string());
    response.plain = true;
    response
}

fn header<'a>(request: &'a Request, names: &[&'static str; 2]) -> Option<(&'static str, &'a str)> {
    let find = |name: &&'static str| request.headers.custom(name).map(|value| (*name, value));
    names.iter().find_map(find)
}

/// Several slashes in a row count as one.
fn pointer(path: &str) -> String {
    let mut path = path.to_string();
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    path
}

fn get(mmds: &Mmds, request: &Request) -> Response {
    let json = request.headers.accept_json;
    match mmds.get(&pointer(request.path()), json) {
        Ok(body) => {
            let mut response = Response::with_body(200, body);
            response.plain = !json || mmds.imds_compat;
            response
        }
        Err(MmdsError::NotFound) => text(404, &format!("Resource not found: {}.", request.path())),
        Err(error) => text(501, error.text()),
    }
}

fn put(mmds: &mut Mmds, request: &Request) -> Response {
    if request.headers.custom("x-forwarded-for").is_some() {
        let error = HttpError::HeaderName("x-forwarded-for".to_string());
        return text(400, &error.to_string());
    }
    if pointer(request.path()) != TOKEN_PATH {
        return text(404, &format!("Resource not found: {}.", request.path()));
    }
    let (name, value) = match header(request, &TTL) {
        Some(found) => found,
        None => {
            return text(
                400,
                "Token time to live value not found. Use `X-metadata-token-ttl-seconds` or \
                 `X-aws-ec2-metadata-token-ttl-seconds` header to specify the token's lifetime.",
            )
        }
    };
    let issued = match value.parse::<u32>() {
        Ok(ttl) => mmds.tokens.issue(ttl),
        Err(_) => Err(HttpError::HeaderValue(name.to_string(), value.to_string()).to_string()),
    };
    match issued {
        Ok(token) => text(200, &token),
        Err(error) => text(400, &error),
    }
}
