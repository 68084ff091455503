//! Rate limiters. They are accepted, stored and shown, and not enforced.

use serde::{Deserialize, Serialize};

/// A token bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenBucketConfig {
    pub size: u64,
    pub one_time_burst: Option<u64>,
    pub refill_time: u64,
}

impl TokenBucketConfig {
    /// A bucket without a size or without a time is no limit, nor is one whose time in nanoseconds does not fit into 64 bits.
    fn limits(self) -> Option<Self> {
        let nanoseconds = self.refill_time.checked_mul(1_000_000)?;
        (self.size != 0 && nanoseconds != 0).then_some(self)
    }
}

/// Limits of bandwidth and of operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimiterConfig {
    pub bandwidth: Option<TokenBucketConfig>,
    pub ops: Option<TokenBucketConfig>,
}

impl RateLimiterConfig {
    /// The limits after a change: what the change does not name stays, what it names without a limit goes.
    pub fn updated(before: Option<Self>, change: Option<Self>) -> Option<Self> {
        let (before, change) = (before.unwrap_or_default(), change.unwrap_or_default());
        let bucket = |old: Option<TokenBucketConfig>, new: Option<TokenBucketConfig>| {
            new.or(old).and_then(TokenBucketConfig::limits)
        };
        let bandwidth = bucket(before.bandwidth, change.bandwidth);
        let ops = bucket(before.ops, change.ops);
        (bandwidth.is_some() || ops.is_some()).then_some(Self { bandwidth, ops })
    }
}
