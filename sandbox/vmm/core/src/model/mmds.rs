//! `/mmds/config`.

use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// V2 wants a session token, V1 does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MmdsVersion {
    #[default]
    V1,
    V2,
}

/// Body of PUT. It is part of a snapshot; the metadata themselves are not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MmdsConfig {
    #[serde(default)]
    pub version: MmdsVersion,
    pub network_interfaces: Vec<String>,
    pub ipv4_address: Option<Ipv4Addr>,
    #[serde(default)]
    pub imds_compat: bool,
}

/// The address the service has unless another is asked for.
pub const DEFAULT_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// 169.254.0.0/16 without its first and last /24.
pub fn is_link_local(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    a == 169 && b == 254 && (1..=254).contains(&c)
}
