//! The command line, with Firecracker's rules and words.

use std::collections::HashMap;
use std::fmt;

/// An argument's name, and whether a value follows it.
pub type Known = (&'static str, bool);

/// The arguments of a program.
pub struct Grammar {
    pub known: &'static [Known],
    /// These must be given.
    pub required: &'static [&'static str],
    /// These may be given several times.
    pub repeatable: &'static [&'static str],
}

/// Firecracker's own arguments.
pub const FIRECRACKER: Grammar = Grammar { known: &KNOWN, required: &[], repeatable: &[] };

const KNOWN: [Known; 23] = [
    ("api-sock", true),
    ("id", true),
    ("seccomp-filter", true),
    ("no-seccomp", false),
    ("start-time-us", true),
    ("start-time-cpu-us", true),
    ("parent-cpu-time-us", true),
    ("config-file", true),
    ("metadata", true),
    ("no-api", false),
    ("log-path", true),
    ("level", true),
    ("module", true),
    ("show-level", false),
    ("show-log-origin", false),
    ("metrics-path", true),
    ("boot-timer", false),
    ("version", false),
    ("snapshot-version", false),
    ("describe-snapshot", true),
    ("http-api-max-payload-size", true),
    ("mmds-size-limit", true),
    ("enable-pci", false),
];

/// What is wrong with a command line.
#[derive(Debug, PartialEq, Eq)]
pub enum ArgsError {
    UnexpectedArgument(String),
    MissingValue(String),
    MissingArgument(String),
    DuplicateArgument(String),
    ForbiddenArgument(String, String),
}

impl fmt::Display for ArgsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedArgument(name) => {
                write!(f, "Found argument '{name}' which wasn't expected, or isn't valid in this context.")
            }
            Self::MissingValue(name) => {
                write!(f, "The argument '{name}' requires a value, but none was supplied.")
            }
            Self::MissingArgument(name) => write!(f, "Argument '{name}' required, but not found."),
            Self::DuplicateArgument(name) => {
                write!(f, "The argument '{name}' was provided more than once.")
            }
            Self::ForbiddenArgument(one, other) => {
                write!(f, "The argument '{one}' cannot be used together with argument '{other}'.")
            }
        }
    }
}

/// The given arguments by name; flags have an empty value.
#[derive(Debug, Default)]
pub struct Args(HashMap<String, Vec<String>>);

impl Args {
    /// Reads a command line without its first word, up to `--`.
    pub fn parse(words: &[String], grammar: &Grammar) -> Result<Self, ArgsError> {
        let mut given: HashMap<String, Vec<String>> = HashMap::new();
        let words: Vec<&String> = words.iter().take_while(|word| *word != "--").collect();
        // Asking for help or a version is answered whatever else is on the line.
        for early in ["help", "version"] {
            let long = format!("--{early}");
            let short = early.get(..1).map(|letter| format!("-{letter}"));
            if words.iter().any(|word| **word == long || (early == "help" && Some(*word) == short.as_ref())) {
                given.insert(early.to_string(), Vec::new());
                return Ok(Self(given));
            }
        }
        let mut words = words.into_iter().peekable();
        while let Some(word) = words.next() {
            let unexpected = || ArgsError::UnexpectedArgument(word.trim_start_matches('-').to_string());
            let name = word.strip_prefix("--").ok_or_else(unexpected)?;
            let (_, takes) = grammar.known.iter().find(|(known, _)| *known == name).ok_or_else(unexpected)?;
            if given.contains_key(name) && !grammar.repeatable.contains(&name) {
                return Err(ArgsError::DuplicateArgument(name.to_string()));
            }
            let value = if *takes {
                let missing = || ArgsError::MissingValue(name.to_string());
                words.next_if(|next| !next.starts_with("--")).ok_or_else(missing)?.clone()
            } else {
                String::new()
            };
            given.entry(name.to_string()).or_default().push(value);
        }
        if let Some(missing) = grammar.required.iter().find(|name| !given.contains_key(**name)) {
            return Err(ArgsError::MissingArgument(missing.to_string()));
        }
        let args = Self(given);
        if args.has("no-api") && !args.has("config-file") {
            return Err(ArgsError::MissingArgument("config-file".to_string()));
        }
        if args.has("no-seccomp") && args.has("seccomp-filter") {
            let pair = ("no-seccomp".to_string(), "seccomp-filter".to_string());
            return Err(ArgsError::ForbiddenArgument(pair.0, pair.1));
        }
        Ok(args)
    }

    /// Whether an argument was given.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The value of an argument.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|values| values.last()).map(String::as_str)
    }

    /// All values of an argument, in order.
    pub fn values(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}
