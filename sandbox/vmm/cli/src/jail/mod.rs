//! The jailer: it makes a chroot, drops every privilege and becomes the VMM.
//!
//! One thing differs from the real one. Firecracker is one static file; the stand-in needs the machine's libraries and
//! QEMU. So its jail also shows the machine's /usr, read-only, and a /proc in which a user sees only his own processes.

mod cgroup;
mod chroot;
mod env;
mod fault;
mod system;

use crate::args::{Args, Grammar};
use env::Env;
use fault::Fault;
use standin_core::version;
use std::time::{SystemTime, UNIX_EPOCH};

const JAILER: Grammar = Grammar {
    known: &[
        ("cgroup", true),
        ("cgroup-version", true),
        ("chroot-base-dir", true),
        ("daemonize", false),
        ("exec-file", true),
        ("gid", true),
        ("id", true),
        ("netns", true),
        ("new-pid-ns", false),
        ("parent-cgroup", true),
        ("resource-limit", true),
        ("uid", true),
        ("version", false),
    ],
    required: &["exec-file", "gid", "id", "uid"],
    repeatable: &["cgroup", "resource-limit"],
};

/// Runs the program. It returns only with an exit code: on success the process has become the VMM.
pub fn main() -> i32 {
    let start = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words, start) {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("{fault}\nError: {}", fault.debug());
            1
        }
    }
}

fn run(words: &[String], start: u128) -> Result<i32, Fault> {
    system::close_descriptors();
    system::clear_environment();
    let args = Args::parse(words, &JAILER).map_err(Fault::Arguments)?;
    if args.has("help") || args.has("version") {
        println!("Jailer v{}\n", version::current().firecracker);
        return Ok(0);
    }
    let after = words.iter().skip_while(|word| *word != "--").skip(1).cloned().collect();
    Env::new(&args, after)?.run(start)
}
