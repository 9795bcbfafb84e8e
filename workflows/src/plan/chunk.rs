//! Chunk boundaries. They are fixed by the plan, so a crash never moves them.
//!
//! A chunk closes when it holds `max_items`, or when the next document would pass `max_bytes`; a
//! document larger than that stands alone.

use crate::configuration::Chunk;

/// Cuts a stream of documents, one size after the other.
#[derive(Clone, Debug)]
pub struct Chunker {
    rule: Chunk,
    chunk: u64,
    items: u32,
    bytes: u64,
}

impl Chunker {
    /// Nothing cut yet.
    pub fn new(rule: Chunk) -> Chunker {
        Chunker {
            rule,
            chunk: 0,
            items: 0,
            bytes: 0,
        }
    }

    /// The number of the chunk, from 1, that a document of so many bytes belongs to.
    pub fn add(&mut self, bytes: u64) -> u64 {
        let is_full = self.items >= self.rule.max_items;
        let is_over = self.bytes.saturating_add(bytes) > self.rule.max_bytes;
        if self.chunk == 0 || is_full || is_over {
            self.chunk += 1;
            (self.items, self.bytes) = (0, 0);
        }
        self.items += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.chunk
    }

    /// How many chunks there are so far.
    pub fn chunks(&self) -> u64 {
        self.chunk
    }
}

/// How many documents each chunk holds.
pub fn chunks(rule: Chunk, sizes: impl IntoIterator<Item = u64>) -> Vec<u64> {
    let mut chunker = Chunker::new(rule);
    let mut counts = Vec::new();
    for bytes in sizes {
        let chunk = chunker.add(bytes);
        if chunk > counts.len() as u64 {
            counts.push(0);
        }
        if let Some(count) = counts.last_mut() {
            *count += 1;
        }
    }
    counts
}
