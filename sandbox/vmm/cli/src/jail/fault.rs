//! The jailer's failures, as text and in the form of its error type.

use crate::args::ArgsError;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why the jailer does not start the VMM.
pub enum Fault {
    Arguments(ArgsError),
    /// The words for people, and those of the error type.
    Other(String, String),
}

impl Fault {
    pub fn new(words: impl Into<String>, debug: impl Into<String>) -> Self {
        Self::Other(words.into(), debug.into())
    }

    /// A fault of one value, named `name` in the error type.
    pub fn of(words: impl Into<String>, name: &str, value: &str) -> Self {
        Self::new(words, format!("{name}({value:?})"))
    }

    /// A failed system call; `name` is that of the error type.
    pub fn call(words: &str, name: &str, error: io::Error) -> Self {
        Self::new(format!("{words}: {error}"), format!("{name}({error:?})"))
    }

    /// A failed call on a file.
    pub fn file(words: &str, name: &str, path: impl Into<PathBuf>, error: io::Error) -> Self {
        let path = path.into();
        Self::new(
            words.replace("{}", &format!("{}", path.display())) + &format!(": {error}"),
            format!("{name}({path:?}, {error:?})"),
        )
    }

    pub fn debug(&self) -> String {
        match self {
            Self::Arguments(error) => format!("ArgumentParsing({error:?})"),
            Self::Other(_, debug) => debug.clone(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(error) => write!(f, "Failed to parse arguments: {error}"),
            Self::Other(words, _) => f.write_str(words),
        }
    }
}
