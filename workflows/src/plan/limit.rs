//! How much one job takes at once without `chunk`.

/// So many documents at most.
pub const ITEMS_MAX: u64 = 10_000;

/// So many bytes of compact JSON at most.
pub const ITEMS_BYTES_MAX: u64 = 4 << 20;

/// A job would take more than it may.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "one job would receive {items} items with {bytes} bytes; \
     {ITEMS_MAX} items and {ITEMS_BYTES_MAX} bytes are allowed"
)]
pub struct TooLarge {
    /// Documents.
    pub items: u64,
    /// Bytes of compact JSON.
    pub bytes: u64,
}

impl TooLarge {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "too_large"
    }

    /// What to do.
    pub fn hint(&self) -> &'static str {
        "cut the members with `chunk`, such as chunk: { max_items: 1000 }"
    }
}

/// May one job take so much without `chunk`?
///
/// # Errors
/// When it may not.
pub fn check_size(items: u64, bytes: u64) -> Result<(), TooLarge> {
    if items > ITEMS_MAX || bytes > ITEMS_BYTES_MAX {
        return Err(TooLarge { items, bytes });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_themselves_are_allowed() {
        assert!(check_size(ITEMS_MAX, ITEMS_BYTES_MAX).is_ok());
        assert!(check_size(ITEMS_MAX + 1, 1).is_err());
        assert!(check_size(1, ITEMS_BYTES_MAX + 1).is_err());
    }
}
