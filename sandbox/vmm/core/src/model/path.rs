//! Paths in bodies. They are kept as text, and a wrong type is refused as Firecracker does, which expects a `path string`.

use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;

/// A path that may be left out of an object. A field with `default` could be left out of a list too, which Firecracker refuses.
#[derive(Clone, Debug, Serialize)]
pub struct PathText(pub String);

impl<'de> Deserialize<'de> for PathText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        required(deserializer).map(Self)
    }
}

/// Reads a path that must be there.
pub fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    PathBuf::deserialize(deserializer).map(|path| path.to_string_lossy().into_owned())
}
