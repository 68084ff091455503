//! `--cgroup FILE=VALUE`: one cgroup a controller (version 1) or one for all (version 2).

use super::fault::Fault;
use crate::args::Args;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// One value that is written, in the folder of the VMM's cgroup.
pub struct Cgroup {
    folder: PathBuf,
    file: String,
    value: String,
    /// The file that takes the VMM's pid.
    join: &'static str,
}

impl Cgroup {
    /// Checks what was asked for. Without `--cgroup` nothing of it is looked at.
    pub fn parse(args: &Args, id: &str, exec_name: &str) -> Result<Vec<Self>, Fault> {
        let parent = args.value("parent-cgroup").unwrap_or(exec_name);
        let plain = |part| matches!(part, Component::Normal(_));
        if parent.is_empty() || !Path::new(parent).components().all(plain) {
            let words = "Parent cgroup path is invalid. Path should not be absolute or contain '..' or '.'";
            return Err(Fault::new(words, "CgroupInvalidParentPath"));
        }
        let version = args.value("cgroup-version").unwrap_or("1");
        let asked = args.values("cgroup");
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let version: u8 = version.parse().map_err(|_| {
            Fault::of(
                format!("{version} is an invalid cgroup version specifier"),
                "CgroupInvalidVersion",
                version,
            )
        })?;
        let mounts = mounts_of(version)?;
        asked.iter().map(|one| Self::parse_one(one, version, &mounts, Path::new(parent).join(id))).collect()
    }

    fn parse_one(asked: &str, version: u8, mounts: &[Mount], below: PathBuf) -> Result<Self, Fault> {
        let format = || Fault::of(format!("Invalid format for cgroups: {asked}"), "CgroupFormat", asked);
        let (file, value) = asked.split_once('=').ok_or_else(format)?;
        if value.is_empty() {
            return Err(format());
        }
        if file.contains('/') || file.contains("..") {
            return Err(Fault::of(format!("Cgroup invalid file: {asked}"), "CgroupInvalidFile", asked));
        }
        let controller = file.split('.').next().unwrap_or_default();
        let found = mounts.iter().find(|mount| mount.controllers.iter().any(|one| one == controller));
        let mount = found.ok_or_else(|| {
            Fault::of(
                format!("Controller {controller} is unavailable"),
                "CgroupControllerUnavailable",
                controller,
            )
        })?;
        let join = if version == 1 { "tasks" } else { "cgroup.procs" };
        Ok(Self { folder: mount.path.join(below), file: file.to_string(), value: value.to_string(), join })
    }

    /// Makes the cgroup, writes the value and joins.
    pub fn enter(&self) -> Result<(), Fault> {
        fs::create_dir_all(&self.folder)
            .map_err(|e| Fault::file("Failed to create directory {}", "CreateDir", &self.folder, e))?;
        let above = self.folder.parent().unwrap_or(&self.folder).join(&self.file);
        fs::read_to_string(&above)
            .map_err(|e| Fault::file("Failed to read file {} into a string", "ReadToString", above, e))?;
        let pid = std::process::id().to_string();
        for (file, value) in [(self.file.as_str(), &self.value), (self.join, &pid)] {
            let path = self.folder.join(file);
            fs::write(&path, value).map_err(|e| Fault::file("Failed to write to {}", "Write", path, e))?;
        }
        Ok(())
    }
}

/// A mounted hierarchy and its controllers.
struct Mount {
    path: PathBuf,
    controllers: Vec<String>,
}

fn mounts_of(version: u8) -> Result<Vec<Mount>, Fault> {
    let kind = if version == 1 { "cgroup" } else { "cgroup2" };
    let table = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mut found = Vec::new();
    for line in table.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let (path, options) = match words[..] {
            [_, path, found, options, ..] if found == kind => (path, options),
            _ => continue,
        };
        let controllers = if version == 1 {
            options.split(',').map(str::to_string).collect()
        } else {
            let listed = fs::read_to_string(Path::new(path).join("cgroup.controllers")).unwrap_or_default();
            listed.split_whitespace().map(str::to_string).collect()
        };
        found.push(Mount { path: path.into(), controllers });
    }
    if found.is_empty() || !(1..=2).contains(&version) {
        let why = "No hierarchy found for this cgroup version.";
        return Err(Fault::of(format!("Hierarchy not found: {why}"), "CgroupHierarchyMissing", why));
    }
    Ok(found)
}
