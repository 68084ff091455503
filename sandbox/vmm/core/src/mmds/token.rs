//! Session tokens of the metadata service (V2): 48 characters, valid for a given time, valid only in this process.

use std::fs::File;
use std::io::Read;
use std::time::{Duration, Instant};

/// The longest life of a token in seconds.
pub const MAX_TTL: u32 = 21_600;
/// Tokens kept at the same time; the oldest goes first.
const MAX_TOKENS: usize = 1024;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The tokens that were given out.
#[derive(Default)]
pub struct Tokens {
    issued: Vec<(String, Instant)>,
}

impl Tokens {
    /// A new token that is valid for `ttl` seconds (1 to 21600), or Firecracker's words for what is wrong.
    pub fn issue(&mut self, ttl: u32) -> Result<String, String> {
        if !(1..=MAX_TTL).contains(&ttl) {
            return Err(format!(
                "Invalid time to live value provided for token: {ttl}. Please provide a value \
                 between 1 and {MAX_TTL}."
            ));
        }
        let token = random_token().map_err(|_| "Failed to encrypt token.".to_string())?;
        let now = Instant::now();
        self.issued.retain(|(_, expiry)| *expiry > now);
        if self.issued.len() >= MAX_TOKENS {
            self.issued.remove(0);
        }
        let expiry = now + Duration::from_secs(u64::from(ttl));
        self.issued.push((token.clone(), expiry));
        Ok(token)
    }

    /// The token was given out here and has not expired.
    pub fn is_valid(&self, token: &str) -> bool {
        let now = Instant::now();
        self.issued.iter().any(|(known, expiry)| known == token && *expiry > now)
    }
}

fn random_token() -> std::io::Result<String> {
    let mut bytes = [0u8; 48];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let characters = bytes.iter().map(|b| ALPHABET[usize::from(b & 63)] as char);
    Ok(characters.collect())
}
