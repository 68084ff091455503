//! The metadata: one JSON document with a size limit.

use super::token::Tokens;
use crate::model::mmds::MmdsVersion;
use serde_json::{Map, Value};

/// Why the metadata cannot be changed or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MmdsError {
    LimitExceeded,
    NotFound,
    NotInitialized,
    UnsupportedValueType,
}

impl MmdsError {
    /// Firecracker's words for it.
    pub fn text(self) -> &'static str {
        match self {
            Self::LimitExceeded => "The MMDS patch request doesn't fit.",
            Self::NotFound => "The MMDS resource does not exist.",
            Self::NotInitialized => "The MMDS data store is not initialized.",
            Self::UnsupportedValueType => "Cannot retrieve value. The value has an unsupported type.",
        }
    }
}

/// The metadata of one guest.
pub struct Mmds {
    data: Value,
    initialized: bool,
    limit: usize,
    pub version: MmdsVersion,
    /// Answer in the EC2 format whatever the client accepts.
    pub imds_compat: bool,
    pub tokens: Tokens,
}

impl Mmds {
    /// Empty metadata that may grow to `limit` bytes of JSON.
    pub fn new(limit: usize) -> Self {
        Self {
            data: Value::Null,
            initialized: false,
            limit,
            version: MmdsVersion::V1,
            imds_compat: false,
            tokens: Tokens::default(),
        }
    }

    /// Replaces everything.
    pub fn put(&mut self, data: Value) -> Result<(), MmdsError> {
        self.check_size(&data)?;
        self.data = data;
        self.initialized = true;
        Ok(())
    }

    /// Merges a patch as RFC 7396 has it.
    pub fn patch(&mut self, patch: &Value) -> Result<(), MmdsError> {
        if !self.initialized {
            return Err(MmdsError::NotInitialized);
        }
        let mut data = self.data.clone();
        merge(&mut data, patch);
        self.check_size(&data)?;
        self.data = data;
        Ok(())
    }

    /// Everything, as `GET /mmds` gives it.
    pub fn json(&self) -> String {
        match &self.data {
            Value::Null => "{}".to_string(),
            data => data.to_string(),
        }
    }

    /// Everything, or None when nothing was ever put.
    pub fn data(&self) -> Option<&Value> {
        self.initialized.then_some(&self.data)
    }

    /// The value at a path, as JSON or as EC2 has it: a string as it is, an object as a list of its keys.
    pub fn get(&self, path: &str, json: bool) -> Result<String, MmdsError> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let value = self.data.pointer(path).ok_or(MmdsError::NotFound)?;
        if json && !self.imds_compat {
            return Ok(value.to_string());
        }
        match value {
            Value::Object(map) => Ok(keys(map)),
            Value::String(text) => Ok(text.clone()),
            _ => Err(MmdsError::UnsupportedValueType),
        }
    }

    fn check_size(&self, data: &Value) -> Result<(), MmdsError> {
        if data.to_string().len() > self.limit {
            return Err(MmdsError::LimitExceeded);
        }
        Ok(())
    }
}

fn keys(map: &Map<String, Value>) -> String {
    let name = |(key, value): (&String, &Value)| match value {
        Value::Object(_) => format!("{key}/"),
        _ => key.clone(),
    };
    map.iter().map(name).collect::<Vec<_>>().join("\n")
}

fn merge(target: &mut Value, patch: &Value) {
    let patch = match patch {
        Value::Object(patch) => patch,
        other => {
            *target = other.clone();
            return;
        }
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(map) = target {
        for (key, value) in patch {
            if value.is_null() {
                map.remove(key);
            } else {
                merge(map.entry(key.as_str()).or_insert(Value::Null), value);
            }
        }
    }
}
