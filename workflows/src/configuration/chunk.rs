//! `chunk`: how the members of one job are cut into pieces.

use super::length;
use super::spec::{Spec, field};
use super::spot::{Fault, Spot};

/// How members are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// So many members at most.
    pub max_items: u32,
    /// So many bytes of compact JSON at most; a larger member stands alone.
    pub max_bytes: u64,
}

impl Default for Chunk {
    fn default() -> Chunk {
        Chunk {
            max_items: 1_000,
            max_bytes: 1 << 20,
        }
    }
}

pub(super) const SPEC: Spec = Spec {
    fields: &[field("max_items"), field("max_bytes")],
    later: &[],
};

pub(super) fn read(spot: &Spot<'_>) -> Option<Chunk> {
    let chunk = spot.object()?;
    let default = Chunk::default();
    let (max_items, max_bytes) = (chunk.get("max_items"), chunk.get("max_bytes"));
    if max_items.is_none() && max_bytes.is_none() {
        return chunk.refuse(Fault::new("`max_items`, `max_bytes` or both are needed"));
    }
    let max_items = match max_items {
        Some(items) => u32::try_from(items.integer(1, 100_000)?).ok()?,
        None => default.max_items,
    };
    let max_bytes = match max_bytes {
        Some(bytes) => bytes.parsed(length::bytes)?,
        None => default.max_bytes,
    };
    Some(Chunk {
        max_items,
        max_bytes,
    })
}
