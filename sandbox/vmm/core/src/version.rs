//! Which Firecracker is stood in for.
//!
//! It is 1.16.1 unless the program's own file ends in a line `stand-in-version=VERSION [FORMAT]`. A line in the file
//! goes wherever the program is copied to, also where its name and its environment do not. A line
//! `stand-in-says=TEXT` is printed when a guest of the stub would run its first instruction: at its start or resume.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Mutex;

/// What a program says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// As `--version` gives it.
    pub firecracker: String,
    /// The major number of the snapshot format that it writes and reads.
    pub format: u64,
}

const MARK: &str = "\nstand-in-version=";
const SAYS: &str = "\nstand-in-says=";
/// The lines are looked for in this many last bytes of the program.
const TAIL: i64 = 256;

static CURRENT: Mutex<Option<Version>> = Mutex::new(None);

/// The version of this process.
pub fn current() -> Version {
    let mut current = match CURRENT.lock() {
        Ok(current) => current,
        Err(poisoned) => poisoned.into_inner(),
    };
    current.get_or_insert_with(|| own_tail().and_then(|tail| parse(&tail)).unwrap_or_else(standard)).clone()
}

/// What a guest of this process says.
pub fn words() -> Option<String> {
    let tail = own_tail()?;
    let text = &tail[tail.rfind(SAYS)? + SAYS.len()..];
    Some(text.lines().next()?.to_string())
}

/// Sets it where this process runs another program's file.
pub fn set(version: Version) {
    if let Ok(mut current) = CURRENT.lock() {
        *current = Some(version);
    }
}

fn standard() -> Version {
    Version { firecracker: "1.16.1".to_string(), format: 10 }
}

fn own_tail() -> Option<String> {
    let mut file = File::open("/proc/self/exe").ok()?;
    file.seek(SeekFrom::End(-TAIL)).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn parse(tail: &str) -> Option<Version> {
    let line = &tail[tail.rfind(MARK)? + MARK.len()..];
    let mut words = line.split_whitespace();
    let firecracker = words.next()?.to_string();
    let format = words.next().and_then(|word| word.split('.').next()?.parse().ok());
    let format = format.unwrap_or_else(|| format_of(&firecracker));
    Some(Version { firecracker, format })
}

/// The format of a version: Firecracker's own history.
fn format_of(version: &str) -> u64 {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0u64);
    match (next(), next(), next()) {
        (1, minor, _) if minor <= 15 => 9,
        (1, 16, patch) if patch <= 1 => 10,
        (1, 16, _) => 11,
        _ => 12,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_a_program_names_the_version() {
        let parsed = |line: &str| parse(&format!("\x7f\0program\nstand-in-version={line}"));
        let version =
            |firecracker: &str, format| Some(Version { firecracker: firecracker.to_string(), format });
        assert_eq!(parsed("1.16.2\n"), version("1.16.2", 11));
        assert_eq!(parsed("1.17.0\n"), version("1.17.0", 12));
        assert_eq!(parsed("2.3.0 17.0.0\n"), version("2.3.0", 17));
        assert_eq!(parse("program"), None);
    }
}
