//! The spread: configurations that share a time start a little apart, each always at its own place.

use std::time::Duration;

use sha2::{Digest, Sha256};

/// The place of `key` (`tenant/name`) in a spread: the first 8 bytes of its SHA-256, big endian, as a
/// fraction of `spread` in whole milliseconds, rounded down.
pub fn spread_offset(key: &str, spread: Duration) -> Duration {
    let hash = Sha256::digest(key.as_bytes());
    let place = hash
        .iter()
        .take(8)
        .fold(0u128, |place, byte| place << 8 | u128::from(*byte));
    let scaled = (place * spread.as_millis()) >> 64;
    Duration::from_millis(u64::try_from(scaled).unwrap_or(u64::MAX))
}
