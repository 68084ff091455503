//! Taking over QEMU's start.

use crate::{api, files, frames};
use libc::{c_char, c_int, c_void};
use standin_core::handoff::{set_inherited, Handoff, STATE_VARIABLE};
use standin_core::log;
use standin_core::mmds::Mmds;
use standin_core::version::{self, Version};
use std::ffi::CString;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::io::FromRawFd;
use std::sync::{Arc, Mutex};

type Main = extern "C" fn(c_int, *mut *mut c_char, *mut *mut c_char) -> c_int;
type StartMain =
    extern "C" fn(Main, c_int, *mut *mut c_char, *mut c_void, *mut c_void, *mut c_void, *mut c_void) -> c_int;

struct Waiting {
    main: Main,
    handoff: Handoff,
}

static WAITING: Mutex<Option<Waiting>> = Mutex::new(None);

/// Called by QEMU's entry code in place of the C library's function.
///
/// # Safety
/// Only the entry code of an executable may call it.
#[no_mangle]
pub unsafe extern "C" fn __libc_start_main(
    main: Main,
    argc: c_int,
    argv: *mut *mut c_char,
    init: *mut c_void,
    fini: *mut c_void,
    rtld_fini: *mut c_void,
    stack_end: *mut c_void,
) -> c_int {
    let symbol = libc::dlsym(libc::RTLD_NEXT, b"__libc_start_main\0".as_ptr().cast());
    if symbol.is_null() {
        libc::_exit(1);
    }
    let real: StartMain = std::mem::transmute(symbol);
    let handoff = match take_state() {
        Some(handoff) => handoff,
        None => return real(main, argc, argv, init, fini, rtld_fini, stack_end),
    };
    let arguments = handoff.arguments.clone();
    let count = arguments.len() as c_int;
    let argv = make_argv(arguments);
    if let Ok(mut waiting) = WAITING.lock() {
        *waiting = Some(Waiting { main, handoff });
    }
    real(our_main, count, argv, init, fini, rtld_fini, stack_end)
}

/// Reads what the first process image left, and removes every trace of it from the environment.
unsafe fn take_state() -> Option<Handoff> {
    let name = CString::new(STATE_VARIABLE).ok()?;
    let value = libc::getenv(name.as_ptr());
    if value.is_null() {
        return None;
    }
    let fd = libc::atoi(value);
    libc::unsetenv(name.as_ptr());
    libc::unsetenv(b"LD_PRELOAD\0".as_ptr().cast());
    let mut file = File::from_raw_fd(fd);
    file.rewind().ok()?;
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    let handoff: Handoff = serde_json::from_str(&text).ok()?;
    let comm = CString::new(handoff.comm.trim_end()).ok()?;
    libc::prctl(libc::PR_SET_NAME, comm.as_ptr());
    libc::close(handoff.library);
    files::provide(handoff.memory.file, handoff.console);
    Some(handoff)
}

/// An argument vector that lives as long as the process, followed by the environment as the C library expects it.
unsafe fn make_argv(arguments: Vec<String>) -> *mut *mut c_char {
    extern "C" {
        static environ: *const *mut c_char;
    }
    let words = arguments.into_iter().filter_map(|word| CString::new(word).ok());
    let mut pointers: Vec<*mut c_char> = words.map(CString::into_raw).collect();
    pointers.push(std::ptr::null_mut());
    let mut variable = environ;
    while !variable.is_null() && !(*variable).is_null() {
        pointers.push(*variable);
        variable = variable.add(1);
    }
    pointers.push(std::ptr::null_mut());
    Box::leak(pointers.into_boxed_slice()).as_mut_ptr()
}

/// In place of QEMU's `main`: starts the threads, then runs it.
extern "C" fn our_main(argc: c_int, argv: *mut *mut c_char, envp: *mut *mut c_char) -> c_int {
    let taken = WAITING.lock().ok().and_then(|mut waiting| waiting.take());
    let waiting = match taken {
        Some(waiting) => waiting,
        None => return 1,
    };
    let main = waiting.main;
    if let Err(why) = start_threads(waiting.handoff) {
        log::error("main", &format!("The guest cannot be served: {why}"));
        return 1;
    }
    let code = main(argc, argv, envp);
    if code == 0 {
        log::info("main", "Firecracker exiting successfully. exit_code=0");
    }
    code
}

fn start_threads(mut handoff: Handoff) -> std::io::Result<()> {
    log::set_id(&handoff.instance_id);
    version::set(Version { firecracker: handoff.version.clone(), format: handoff.format });
    let level = standin_core::model::logger::LevelFilter::parse(&handoff.log_level);
    log::set_level(level, Some(handoff.log_show_level));
    if let Some(fd) = handoff.log {
        // SAFETY: the descriptor was inherited for this.
        unsafe { log::adopt(fd) };
    }
    let mut mmds = Mmds::new(handoff.mmds_limit);
    if let Some(data) = handoff.mmds.take() {
        let _ = mmds.put(data);
    }
    if let Some(config) = &handoff.config.mmds_config {
        mmds.version = config.version;
        mmds.imds_compat = config.imds_compat;
    }
    let mmds = Arc::new(Mutex::new(mmds));
    let ports = frames::ports(&handoff);
    let traffic = frames::traffic(&ports);
    for fd in descriptors(&handoff) {
        set_inherited(fd, false);
    }
    // Signals are for QEMU's own threads.
    // SAFETY: plain calls with valid sets; the mask is put back.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut old: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut old);
        let shared = mmds.clone();
        let net = spawn("fc_net", move || frames::run(ports, &shared));
        let api = spawn("fc_api", move || api::run(handoff, mmds, traffic));
        libc::pthread_sigmask(libc::SIG_SETMASK, &old, std::ptr::null_mut());
        net.and(api)
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let builder = std::thread::Builder::new();
    let builder = builder.name(name.to_string()).stack_size(256 << 10);
    builder.spawn(run).map(drop)
}

/// Everything that no child may inherit.
fn descriptors(handoff: &Handoff) -> Vec<c_int> {
    let mut fds = vec![handoff.qmp, handoff.console, handoff.memory.file];
    fds.extend(handoff.nets.iter().flat_map(|net| [net.tap, net.guest]));
    fds.extend(handoff.clients.iter().map(|(fd, _)| *fd));
    fds.extend(handoff.listener);
    fds.extend(handoff.log);
    fds.extend(handoff.metrics);
    fds
}
