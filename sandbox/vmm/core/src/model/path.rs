//! Paths in bodies. They are kept as text, and a wrong type is refused as Firecracker does, which expects a `path string`.

use serde::{Deserialize, Deserializer};
use std::path::PathBuf;

fn text(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}

/// Reads a path that must be there.
pub fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    PathBuf::deserialize(deserializer).map(text)
}

/// Reads a path that may be left out; the field needs `default`.
pub fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::<PathBuf>::deserialize(deserializer).map(|path| path.map(text))
}
