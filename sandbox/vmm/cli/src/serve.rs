//! The API until the guest is started.

use crate::launch::{self, Launch};
use standin_core::fault::{Data, Fault};
use standin_core::http::server::{Handler, Reply};
use standin_core::http::{Request, Response};
use standin_core::preboot::{Outcome, Preboot};
use standin_core::route::route;
use standin_core::serve::{log_request, respond};
use std::time::Instant;

/// The handler before the start; `launch` is set when it asks to be left.
pub struct Before {
    pub preboot: Preboot,
    pub launch: Option<Launch>,
    /// Refuses to go on where the guest could not run anyway.
    pub check_host: fn() -> Result<(), String>,
}

impl Before {
    fn start(&mut self) -> Result<Launch, Fault> {
        let fault = |why: String| Fault::new(format!("Start microvm error: {why}"));
        (self.check_host)().map_err(fault)?;
        launch::boot(&mut self.preboot).map_err(fault)
    }

    fn load(&mut self, params: &standin_core::model::snapshot::LoadSnapshotConfig) -> Result<Launch, Fault> {
        let fault = |why: String| Fault::new(format!("Load snapshot error: {why}"));
        let begun = Instant::now();
        let launch = launch::load(&self.preboot, params).map_err(fault)?;
        (self.check_host)().map_err(fault)?;
        self.preboot.tally.took("load_snapshot", begun);
        Ok(launch)
    }
}

fn send(result: Result<Data, Fault>, deprecated: Option<&'static str>) -> Reply {
    Reply::Send(respond(result, deprecated))
}

impl Handler for Before {
    fn handle(&mut self, request: &Request) -> Reply {
        log_request(request);
        let routed = route(request);
        self.preboot.tally.request(request, &routed);
        let parsed = match routed {
            Ok(parsed) => parsed,
            Err(fault) => return send(Err(fault), None),
        };
        let launch = match self.preboot.handle(parsed.action) {
            Ok(Outcome::Done(data)) => return send(Ok(data), parsed.deprecated),
            Err(fault) => return send(Err(fault), parsed.deprecated),
            Ok(Outcome::Start) => match self.start() {
                Ok(launch) => launch,
                Err(fault) => return send(Err(fault), None),
            },
            Ok(Outcome::Load(params)) => match self.load(&params) {
                Ok(launch) => launch,
                // After a failed load Firecracker's process is too dirty to go on with.
                Err(fault) => return Reply::Exit(respond(Err(fault), parsed.deprecated), 1),
            },
        };
        self.launch = Some(launch);
        Reply::Handoff
    }
}

/// The response to a start that went well.
pub fn started(deprecated: bool) -> Response {
    respond(Ok(Data::Empty), deprecated.then_some("A deprecated field was used."))
}
