//! What an idempotency key means: where it counts, how long, and what a repeat does.

use std::time::Duration;

use windlass_workflows::configuration::{self, KeyHold};

/// A day: what a key is held for unless told otherwise.
const HOLD: Duration = Duration::from_secs(24 * 60 * 60);

/// What a caller says of its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Where the key counts: `tenant`, `template:namespace.name` or `batch:number`.
    pub scope: String,
    /// How long.
    pub hold: Hold,
    /// What a repeat does.
    pub on_duplicate: OnDuplicate,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            scope: "tenant".to_owned(),
            hold: Hold::default(),
            on_duplicate: OnDuplicate::Return,
        }
    }
}

/// How long a key stays taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// So long from the request on.
    Ttl(Duration),
    /// Until its job has an outcome.
    Active,
    /// For ever.
    Forever,
}

impl Default for Hold {
    fn default() -> Self {
        Self::Ttl(HOLD)
    }
}

impl From<KeyHold> for Hold {
    fn from(hold: KeyHold) -> Self {
        match hold {
            KeyHold::For(length) => Self::Ttl(length),
            KeyHold::Active => Self::Active,
            KeyHold::Forever => Self::Forever,
        }
    }
}

impl Hold {
    /// Reads `ttl:24h`, `active` or `forever`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "active" => Some(Self::Active),
            "forever" => Some(Self::Forever),
            _ => configuration::duration(text.strip_prefix("ttl:")?).map(Self::Ttl),
        }
    }

    /// As it is stored.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ttl(_) => "ttl",
            Self::Active => "active",
            Self::Forever => "forever",
        }
    }

    /// Seconds of a `ttl`.
    pub(super) fn seconds(self) -> f64 {
        match self {
            Self::Ttl(length) => length.as_secs_f64(),
            Self::Active | Self::Forever => 0.0,
        }
    }
}

/// What happens when the key is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDuplicate {
    /// The first job is the answer.
    #[default]
    Return,
    /// The request is refused.
    Reject,
    /// A job that nobody has started ends, and the new one takes its place, at its own time.
    ReplaceQueued,
    /// The same, at the time of the old one.
    ReplaceKeepTime,
    /// A job that nobody has started keeps its input and starts at the new time.
    Extend,
}

impl OnDuplicate {
    /// All, with their words.
    pub const ALL: [(&str, OnDuplicate); 5] = [
        ("return", OnDuplicate::Return),
        ("reject", OnDuplicate::Reject),
        ("replace_queued", OnDuplicate::ReplaceQueued),
        ("replace_keep_time", OnDuplicate::ReplaceKeepTime),
        ("extend", OnDuplicate::Extend),
    ];

    /// Reads its word.
    pub fn parse(text: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(word, _)| *word == text)?;
        Some(found.1)
    }

    /// Whether it may touch the first job.
    pub(super) fn replaces(self) -> bool {
        !matches!(self, Self::Return | Self::Reject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_are_read_with_their_length() {
        assert_eq!(
            Hold::parse("ttl:90s"),
            Some(Hold::Ttl(Duration::from_secs(90)))
        );
        assert_eq!(Hold::parse("ttl:24h"), Some(Hold::default()));
        assert_eq!(Hold::parse("active"), Some(Hold::Active));
        assert_eq!(Hold::parse("forever"), Some(Hold::Forever));
        assert_eq!(Hold::parse("24h"), None);
        assert_eq!(Hold::parse("ttl:soon"), None);
    }

    #[test]
    fn every_answer_to_a_duplicate_has_its_word() {
        for (word, wanted) in OnDuplicate::ALL {
            assert_eq!(OnDuplicate::parse(word), Some(wanted));
        }
        assert_eq!(OnDuplicate::parse("replace"), None);
    }
}
