//! The jailer's arguments, checked, and what it does with them.

use super::cgroup::Cgroup;
use super::chroot;
use super::fault::Fault;
use super::system::{chown, cpu_time, done, text};
use crate::args::Args;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::io::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The descriptors that a VMM gets where nothing else is asked for.
const NO_FILE: u64 = 2048;

/// Everything that was asked for.
pub struct Env {
    id: String,
    exec_file: PathBuf,
    exec_name: String,
    /// The chroot.
    root: PathBuf,
    uid: u32,
    gid: u32,
    netns: Option<String>,
    cgroups: Vec<Cgroup>,
    limits: Vec<(libc::__rlimit_resource_t, u64)>,
    daemonize: bool,
    new_pid_ns: bool,
    /// The VMM's own arguments.
    after: Vec<String>,
}

impl Env {
    /// Checks the arguments in the real jailer's order.
    pub fn new(args: &Args, after: Vec<String>) -> Result<Self, Fault> {
        let value = |name: &str| args.value(name).unwrap_or_default();
        let id = value("id");
        check_id(id)?;
        let exec_file = canonical(value("exec-file"))?;
        if !exec_file.is_file() {
            let path = exec_file.display().to_string();
            return Err(Fault::new(format!("{path} is not a file"), format!("NotAFile({exec_file:?})")));
        }
        let exec_name = exec_file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let base = canonical(args.value("chroot-base-dir").unwrap_or("/srv/jailer"))?;
        if !base.is_dir() {
            return Err(Fault::new(
                format!("{} is not a directory", base.display()),
                format!("NotADirectory({base:?})"),
            ));
        }
        let number = |name: &str, word: &str| {
            let given = value(name);
            given.parse::<u32>().map_err(|_| Fault::of(format!("Invalid {name}: {given}"), word, given))
        };
        let (uid, gid) = (number("uid", "Uid")?, number("gid", "Gid")?);
        let mut limits = vec![(libc::RLIMIT_NOFILE, NO_FILE)];
        let cgroups = Cgroup::parse(args, id, &exec_name)?;
        for limit in args.values("resource-limit") {
            limits.push(parse_limit(limit)?);
        }
        let root = base.join(&exec_name).join(id).join("root");
        Ok(Self {
            id: id.to_string(),
            exec_file,
            exec_name,
            root,
            uid,
            gid,
            netns: args.value("netns").map(str::to_string),
            cgroups,
            limits,
            daemonize: args.has("daemonize"),
            new_pid_ns: args.has("new-pid-ns"),
            after,
        })
    }

    /// Makes the jail and becomes the VMM; `start` is when this program began, in µs since 1970.
    pub fn run(self, start: u128) -> Result<i32, Fault> {
        let made = fs::create_dir_all(&self.root);
        made.map_err(|e| Fault::file("Failed to create directory {}", "CreateDir", &self.root, e))?;
        self.copy_program()?;
        if let Some(path) = &self.netns {
            let file =
                File::open(path).map_err(|e| Fault::file("Failed to open file {}", "FileOpen", path, e))?;
            // SAFETY: a plain call with an open descriptor.
            done(unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) })
                .map_err(|e| Fault::call("Failed to join network namespace: netns", "SetNetNs", e))?;
        }
        for cgroup in &self.cgroups {
            cgroup.enter()?;
        }
        for (resource, limit) in &self.limits {
            let value = libc::rlimit { rlim_cur: *limit, rlim_max: *limit };
            // SAFETY: the pointer is valid.
            done(unsafe { libc::setrlimit(*resource, &value) })
                .map_err(|e| Fault::call("Failed to set limit for resource", "Setrlimit", e))?;
        }
        chroot::enter(&self.root)?;
        chroot::make_devices(self.uid, self.gid)?;
        if self.daemonize {
            detach()?;
        }
        if self.new_pid_ns {
            // SAFETY: this process has one thread.
            let child =
                done(unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_NEWPID | libc::SIGCHLD, 0) as i32 });
            let child = child.map_err(|e| Fault::call("Failed to call clone", "Clone", e))?;
            if child > 0 {
                self.note_pid(child)?;
                return Ok(0);
            }
        } else {
            // SAFETY: a plain call.
            self.note_pid(unsafe { libc::getpid() })?;
        }
        Err(self.exec(start))
    }

    /// A copy, so that another version under the same name changes nothing in a jail. A link at its place is refused.
    fn copy_program(&self) -> Result<(), Fault> {
        let target = self.root.join(&self.exec_name);
        let failed = |e| Fault::file("Failed to open {}", "Open", &target, e);
        let copied = |e: io::Error| {
            let (from, to) = (&self.exec_file, &target);
            let words = format!("Failed to copy {} to {}: {e}", from.display(), to.display());
            Fault::new(words, format!("Copy({from:?}, {to:?}, {e:?})"))
        };
        let mut source = File::open(&self.exec_file).map_err(copied)?;
        let mut open = OpenOptions::new();
        open.write(true).create(true).truncate(true).custom_flags(libc::O_NOFOLLOW);
        let mut file = open.open(&target).map_err(failed)?;
        io::copy(&mut source, &mut file).map_err(copied)?;
        let mode = source.metadata().map_err(copied)?.permissions().mode();
        fs::set_permissions(&target, fs::Permissions::from_mode(mode & 0o777)).map_err(copied)?;
        chown(&target, self.uid, self.gid)
            .map_err(|e| Fault::file("Failed to change owner for {}", "ChangeFileOwner", &target, e))
    }

    fn note_pid(&self, pid: i32) -> Result<(), Fault> {
        let path = format!("/{}.pid", self.exec_name);
        let failed = |e| Fault::file("Failed to write to {}", "Write", &path, e);
        fs::write(&path, pid.to_string())
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o644)))
            .map_err(failed)
    }

    fn exec(&self, start: u128) -> Fault {
        let program = Path::new("/").join(&self.exec_name);
        let mut command = Command::new(program);
        command.args(["--id", &self.id, "--start-time-us", &start.to_string(), "--start-time-cpu-us", "0"]);
        command.args(["--parent-cpu-time-us", &cpu_time().to_string()]).args(&self.after);
        // Before the user changes: afterwards there is no right to drop the groups.
        // SAFETY: plain calls; the pointer to no groups is not read.
        let dropped = unsafe {
            done(libc::setgroups(0, std::ptr::null()))
                .and_then(|_| done(libc::setresgid(self.gid, self.gid, self.gid)))
                .and_then(|_| done(libc::setresuid(self.uid, self.uid, self.uid)))
        };
        match dropped {
            Ok(_) => Fault::call("Failed to exec into Firecracker", "Exec", command.exec()),
            Err(error) => Fault::call("Failed to exec into Firecracker", "Exec", error),
        }
    }
}

fn canonical(path: &str) -> Result<PathBuf, Fault> {
    fs::canonicalize(path).map_err(|e| Fault::file("Failed to canonicalize path {}", "Canonicalize", path, e))
}

fn check_id(id: &str) -> Result<(), Fault> {
    let prefix = "Invalid instance ID";
    if id.is_empty() || id.len() > 64 {
        let length = id.len();
        return Err(Fault::new(
            format!("{prefix}: Invalid len ({length});  the length must be between 1 and 64"),
            format!("InvalidInstanceId(InvalidLen({length}, 1, 64))"),
        ));
    }
    match id.chars().enumerate().find(|(_, c)| !c.is_alphanumeric() && *c != '-') {
        None => Ok(()),
        Some((at, c)) => Err(Fault::new(
            format!("{prefix}: Invalid char ({c}) at position {at}"),
            format!("InvalidInstanceId(InvalidChar({c:?}, {at}))"),
        )),
    }
}

fn parse_limit(text: &str) -> Result<(libc::__rlimit_resource_t, u64), Fault> {
    let format = || Fault::of(format!("Invalid format for resources limits: {text}"), "ResLimitFormat", text);
    let (name, value) = text.split_once('=').ok_or_else(format)?;
    let resource = match name {
        "fsize" => libc::RLIMIT_FSIZE,
        "no-file" => libc::RLIMIT_NOFILE,
        _ => return Err(Fault::of(format!("Invalid resource argument: {name}"), "ResLimitArgument", name)),
    };
    let limit = value.parse::<u64>().map_err(|e| {
        let why = e.to_string();
        let words = format!("Invalid limit value for resource: {value}: {why}");
        Fault::new(words, format!("ResLimitValue({value:?}, {why:?})"))
    })?;
    Ok((resource, limit))
}

/// `--daemonize`: starts a new session and leaves nothing on the standard descriptors.
fn detach() -> Result<(), Fault> {
    // SAFETY: plain calls.
    unsafe {
        done(libc::setsid()).map_err(|e| Fault::call("Failed to setsid", "SetSid", e))?;
        let path =
            text("/dev/null").map_err(|e| Fault::call("Failed to open /dev/null", "OpenDevNull", e))?;
        let null = libc::open(path.as_ptr(), libc::O_RDWR);
        for fd in 0..3 {
            done(libc::dup2(null, fd)).map_err(|e| Fault::call("Failed to dup2", "Dup2", e))?;
        }
    }
    Ok(())
}
