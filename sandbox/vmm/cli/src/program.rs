//! The program from its first to its last line.

use crate::args::{Args, FIRECRACKER};
use crate::launch::Launch;
use crate::options::{abort, check_id, limits, Failure};
use crate::serve::Before;
use standin_core::http::server::{Left, Server};
use standin_core::model::logger::LevelFilter;
use standin_core::preboot::Preboot;
use standin_core::signals::on_hangup;
use standin_core::snapshot::container::{format_version, read_bytes};
use standin_core::{files, log, version};
use std::os::unix::net::UnixListener;

/// Brings a guest to life. It returns only with an exit code.
pub type Run = fn(Launch, Preboot, Server, Option<usize>, Limits) -> i32;

/// The limits of request bodies and of the metadata, in bytes.
#[derive(Clone, Copy)]
pub struct Limits {
    pub payload: usize,
    pub mmds: usize,
}

/// Runs the program and gives its exit code; `guestless` where it runs no guest that could miss a device.
pub fn main(run: Run, check_host: fn() -> Result<(), String>, guestless: bool) -> i32 {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let code = match inner(&words, run, check_host, guestless) {
        Ok(code) => code,
        Err(failure) => {
            log::error("main", &failure.log);
            eprintln!("Error: {}", failure.stderr);
            failure.code
        }
    };
    if code == 0 {
        log::info("main", "Firecracker exiting successfully. exit_code=0");
    } else {
        log::error("main", &format!("Firecracker exiting with error. exit_code={code}"));
    }
    code
}

fn inner(
    words: &[String],
    run: Run,
    check_host: fn() -> Result<(), String>,
    guestless: bool,
) -> Result<i32, Failure> {
    let args = Args::parse(words, &FIRECRACKER).map_err(|error| Failure {
        log: format!("Arguments parsing error: {error} \\n\\nFor more information try --help."),
        stderr: format!("ParseArguments({error:?})"),
        code: 153,
    })?;
    let own = version::current();
    if args.has("help") || args.has("version") {
        println!("Firecracker v{}\n", own.firecracker);
        return Ok(0);
    }
    if args.has("snapshot-version") {
        println!("v{}.0.0", own.format);
        return Ok(0);
    }
    if let Some(path) = args.value("describe-snapshot") {
        return describe(path);
    }
    let id = args.value("id").unwrap_or("anonymous-instance");
    if let Err(why) = check_id(id) {
        abort("src/firecracker/src/main.rs:309:48", &format!("Invalid instance ID: {why}"));
    }
    log::set_id(id);
    configure_log(&args)?;
    log::info("main", &format!("Running Firecracker v{}", own.firecracker));
    // SAFETY: the handler only writes and exits.
    unsafe { libc::signal(libc::SIGHUP, on_hangup as *const () as libc::sighandler_t) };
    let (payload, mmds) = limits(&args);
    let limits = Limits { payload, mmds };
    let mut preboot = Preboot::new(id, mmds);
    preboot.guestless = guestless;
    preboot.pci = args.has("enable-pci");
    if let Some(path) = args.value("metrics-path") {
        let file = files::open_append(path).map_err(|e| {
            let log = format!("Could not initialize metrics: {e}");
            Failure::new(log, format!("MetricsInitialization(InitializationFailure({:?}))", e.to_string()))
        })?;
        preboot.metrics = Some(file);
    }
    if args.has("seccomp-filter") {
        return Err(Failure::new(
            "Seccomp error: Filter deserialization failed: Bitcode deserialization failed: bitcode error",
            "SeccompFilter(Deserialization(Bitcode(Error(\"bitcode error\"))))",
        ));
    }
    let config = args.value("config-file").map(|path| read_text(path, "configuration", 388));
    if let Some(path) = args.value("metadata") {
        let text = read_text(path, "mmds content", 393);
        let data = serde_json::from_str(&text);
        if data.map_or(true, |data| preboot.mmds.put(data).is_err()) {
            abort("src/vmm/src/resources.rs", "MMDS error: metadata provided not valid json");
        }
        log::info("main", "Successfully added metadata to mmds from file");
    }
    let mut before = Before { preboot, launch: None, check_host };
    if args.has("no-api") {
        let server = Server { listener: None, clients: Vec::new(), limit: payload };
        let launch = crate::from_file::start(&mut before, config.as_deref().unwrap_or(""), false)?;
        return Ok(run(launch, before.preboot, server, None, limits));
    }
    let socket = args.value("api-sock").unwrap_or("/run/firecracker.socket");
    let mut server = Server { listener: Some(listen(socket)?), clients: Vec::new(), limit: payload };
    if let Some(text) = config {
        let launch = crate::from_file::start(&mut before, &text, true)?;
        return Ok(run(launch, before.preboot, server, None, limits));
    }
    match server.run(&mut before) {
        Left::Exit(_) => Err(Failure::new(
            "RunWithApiError error: Failed to build MicroVM: Loading snapshot failed..",
            "RunWithApi(BuildMicroVmError(Restore))",
        )),
        Left::Handoff(index) => match before.launch {
            Some(launch) => Ok(run(launch, before.preboot, server, Some(index), limits)),
            None => Ok(1),
        },
    }
}

fn configure_log(args: &Args) -> Result<(), Failure> {
    let level = match args.value("level") {
        None => None,
        Some(text) => Some(LevelFilter::parse(text).ok_or_else(|| Failure {
            log: format!(
                "Invalid value for logger level: Failed to parse string to level filter: {text}.\
                 Possible values: [Error, Warning, Info, Debug]"
            ),
            stderr: format!("InvalidLogLevel(LevelFilterFromStrError({text:?}))"),
            code: 152,
        })?),
    };
    if let Some(path) = args.value("log-path") {
        let file = files::open_append(path).map_err(|e| {
            let log = format!("Could not initialize logger: Failed to open target file: {e}");
            Failure::new(log, format!("LoggerInitialization(LoggerUpdateError({e:?}))"))
        })?;
        log::set_file(file);
    }
    log::set_level(level, args.has("show-level").then_some(true));
    Ok(())
}

/// `line` is where Firecracker 1.16.1 stands when it cannot.
fn read_text(path: &str, what: &str, line: u32) -> String {
    match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => abort(
            &format!("src/firecracker/src/main.rs:{line}:20"),
            &format!("Unable to open or read from the {what} file: {error:?}"),
        ),
    }
}

fn listen(path: &str) -> Result<UnixListener, Failure> {
    let listener = UnixListener::bind(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::AddrInUse {
            return Failure::new(
                format!(
                    "RunWithApiError error: Failed to open the API socket at: {path}. Check that \
                     it is not already used."
                ),
                format!("RunWithApi(FailedToBindSocket({path:?}))"),
            );
        }
        Failure::new(
            format!("RunWithApiError error: Failed to bind and run the HTTP server: IO error: {error}"),
            format!("RunWithApi(FailedToBindAndRunHttpServer(IOError({error:?})))"),
        )
    })?;
    log::info("main", &format!("Listening on API socket ({path:?})."));
    log::info("fc_api", "API server started.");
    Ok(listener)
}

fn describe(path: &str) -> Result<i32, Failure> {
    let prefix = "When printing Snapshot Data format:";
    let file = std::fs::File::open(path).map_err(|error| {
        Failure::new(
            format!("{prefix} Unable to open snapshot state file: {error}"),
            format!("PrintSnapshotDataFormat(OpenSnapshot({error:?}))"),
        )
    })?;
    let version = read_bytes(file).and_then(|bytes| format_version(&bytes)).map_err(|error| {
        Failure::new(
            format!("{prefix} Invalid data format version of snapshot file: {}", error.text()),
            format!("PrintSnapshotDataFormat(SnapshotVersion({}))", error.debug()),
        )
    })?;
    println!("v{version}");
    Ok(0)
}
