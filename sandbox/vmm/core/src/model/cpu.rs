//! `/cpu-config`: custom CPU templates. They are checked and kept; a template that changes anything cannot be
//! honoured by an emulated CPU and is refused when the guest is started.

use serde::{de::Error, Deserialize, Deserializer};

/// A number given as text with the prefix 0x or 0b.
fn prefixed(text: &str, digits: fn(&str, u32) -> bool) -> Result<(), String> {
    let (radix, rest) = match text.get(..2) {
        Some("0x") => (16, &text[2..]),
        Some("0b") => (2, &text[2..]),
        _ => {
            return Err(format!(
                "No supported number system prefix found in value [{text}]. Make sure to prefix \
                 the number with '0x' for hexadecimal numbers or '0b' for binary numbers."
            ))
        }
    };
    if digits(rest, radix) {
        return Ok(());
    }
    Err(format!("Failed to parse string [{text}] as a number for CPU template"))
}

/// A 32-bit number as text.
#[derive(Clone, Debug)]
pub struct Number32;

impl<'de> Deserialize<'de> for Number32 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = |rest: &str, radix| u32::from_str_radix(rest, radix).is_ok();
        prefixed(&text, digits).map_err(D::Error::custom)?;
        Ok(Self)
    }
}

/// A bitmap as text: 0, 1 and x after the prefix 0b.
#[derive(Clone, Debug)]
pub struct Bitmap;

impl<'de> Deserialize<'de> for Bitmap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = |c: char| matches!(c, '0' | '1' | 'x' | '_');
        let fits = text.strip_prefix("0b").map_or(false, |rest| rest.chars().all(known));
        if !fits {
            return Err(D::Error::custom(format!("Failed to parse string [{text}] as a bitmap")));
        }
        Ok(Self)
    }
}

/// One register of a CPUID leaf.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
pub struct CpuidRegisterModifier {
    register: String,
    bitmap: Bitmap,
}

/// One CPUID leaf.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
pub struct CpuidLeafModifier {
    leaf: Number32,
    subleaf: Number32,
    flags: serde_json::Value,
    modifiers: Vec<CpuidRegisterModifier>,
}

/// One MSR.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
pub struct RegisterModifier {
    addr: Number32,
    bitmap: Bitmap,
}

/// Body of PUT /cpu-config.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomCpuTemplate {
    #[serde(default)]
    pub kvm_capabilities: Vec<String>,
    #[serde(default)]
    pub cpuid_modifiers: Vec<CpuidLeafModifier>,
    #[serde(default)]
    pub msr_modifiers: Vec<RegisterModifier>,
}

impl CustomCpuTemplate {
    /// The template changes nothing.
    pub fn is_empty(&self) -> bool {
        self.kvm_capabilities.is_empty() && self.cpuid_modifiers.is_empty() && self.msr_modifiers.is_empty()
    }
}
