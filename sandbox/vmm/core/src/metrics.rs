//! What the VMM counts, written as Firecracker writes its metrics: one line of JSON, with what was added since the line
//! before.

use crate::action::Parsed;
use crate::fault::Fault;
use crate::http::{Method, Request};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Firecracker writes a line when the guest is started, and then one a minute.
const PERIOD: Duration = Duration::from_secs(60);

/// First segments of paths, and what their requests are called in the metrics.
const GETS: [(&str, &str); 5] = [
    ("", "instance_info"),
    ("hotplug", "hotplug_memory"),
    ("machine-config", "machine_cfg"),
    ("mmds", "mmds"),
    ("version", "vmm_version"),
];
const PUTS: [(&str, &str); 13] = [
    ("actions", "actions"),
    ("boot-source", "boot_source"),
    ("cpu-config", "cpu_cfg"),
    ("drives", "drive"),
    ("hotplug", "hotplug_memory"),
    ("logger", "logger"),
    ("machine-config", "machine_cfg"),
    ("metrics", "metrics"),
    ("mmds", "mmds"),
    ("network-interfaces", "network"),
    ("pmem", "pmem"),
    ("serial", "serial"),
    ("vsock", "vsock"),
];
const PATCHES: [(&str, &str); 5] = [
    ("drives", "drive"),
    ("hotplug", "hotplug_memory"),
    ("machine-config", "machine_cfg"),
    ("mmds", "mmds"),
    ("network-interfaces", "network"),
];
const LATENCIES: [&str; 5] =
    ["diff_create_snapshot", "full_create_snapshot", "load_snapshot", "pause_vm", "resume_vm"];

type Groups = BTreeMap<String, BTreeMap<String, u64>>;

/// Counts since the last line, and values that stay.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tally {
    added: Groups,
    stored: Groups,
}

impl Tally {
    /// Nothing has happened yet; what can happen to every VMM is there as zero.
    pub fn new() -> Self {
        let mut tally = Self { added: Groups::new(), stored: Groups::new() };
        for (group, names, can_fail) in [
            ("get_api_requests", &GETS[..], false),
            ("put_api_requests", &PUTS[..], true),
            ("patch_api_requests", &PATCHES[..], true),
        ] {
            for (_, name) in names {
                tally.add(group, &format!("{name}_count"), 0);
                if can_fail {
                    tally.add(group, &format!("{name}_fails"), 0);
                }
            }
        }
        tally.add("deprecated_api", "deprecated_http_api_calls", 0);
        tally.add("logger", "missed_metrics_count", 0);
        LATENCIES.iter().for_each(|name| tally.store("latencies_us", name, 0));
        tally
    }

    /// Adds to a counter.
    pub fn add(&mut self, group: &str, field: &str, value: u64) {
        *self.added.entry(group.to_string()).or_default().entry(field.to_string()).or_insert(0) += value;
    }

    /// Sets a value that is no counter.
    pub fn store(&mut self, group: &str, field: &str, value: u64) {
        self.stored.entry(group.to_string()).or_default().insert(field.to_string(), value);
    }

    /// Notes how long something took, since `begun`.
    pub fn took(&mut self, what: &str, begun: Instant) {
        self.store("latencies_us", what, begun.elapsed().as_micros() as u64);
    }

    /// Counts a request; one whose body cannot be read fails here, one that is refused later does not.
    pub fn request(&mut self, request: &Request, routed: &Result<Parsed, Fault>) {
        let (group, names, can_fail) = match request.method {
            Method::Get => ("get_api_requests", &GETS[..], false),
            Method::Put => ("put_api_requests", &PUTS[..], true),
            Method::Patch => ("patch_api_requests", &PATCHES[..], true),
            Method::Delete => return,
        };
        if matches!(routed, Ok(parsed) if parsed.deprecated.is_some()) {
            self.add("deprecated_api", "deprecated_http_api_calls", 1);
        }
        let first = request.path().trim_start_matches('/').split('/').next().unwrap_or("");
        if let Some((_, name)) = names.iter().find(|(segment, _)| *segment == first) {
            self.add(group, &format!("{name}_count"), 1);
            self.add(group, &format!("{name}_fails"), (can_fail && routed.is_err()) as u64);
        }
    }

    /// The line; from here on counters count anew.
    pub fn take_line(&mut self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis());
        let mut groups = self.added.clone();
        for (group, fields) in &self.stored {
            groups.entry(group.clone()).or_default().extend(fields.clone());
        }
        self.added.values_mut().flat_map(BTreeMap::values_mut).for_each(|value| *value = 0);
        let mut line = format!("{{\"utc_timestamp_ms\":{now}");
        for (group, fields) in groups {
            line += &format!(",{:?}:{}", group, serde_json::json!(fields));
        }
        line + "}\n"
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

/// Where the lines go, and when the next one is due.
pub struct Output {
    file: File,
    due: Instant,
}

impl Output {
    /// The first line is due at once.
    pub fn new(file: File) -> Self {
        Self { file, due: Instant::now() }
    }

    /// When the next line is to be written.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Writes a line. A pipe that is full, or that nobody reads, takes nothing.
    pub fn write(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(line.as_bytes())
    }

    /// A minute passes until the next one.
    pub fn postpone(&mut self) {
        self.due = Instant::now() + PERIOD;
    }
}
