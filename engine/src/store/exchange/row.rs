//! A row of the full exchange's answer.

use chrono::{DateTime, Utc};

use super::{Claimed, LeaseKey};

/// A row of the answer: a claimed job, or the last one, which has no `n`.
pub(super) struct Row {
    pub(super) n: Option<i16>,
    pub(super) tenant: Option<i32>,
    pub(super) id: Option<i64>,
    pub(super) nonce: Option<i64>,
    pub(super) template_version: Option<i32>,
    pub(super) batch: Option<i64>,
    pub(super) member_key: Option<String>,
    pub(super) object: Option<String>,
    pub(super) input: Option<String>,
    pub(super) created_at: Option<DateTime<Utc>>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) parent: Option<i64>,
    pub(super) lane: Option<i32>,
    pub(super) attempt: Option<i16>,
    pub(super) losses: Option<i16>,
    pub(super) journaled: Option<bool>,
    pub(super) limited: Option<bool>,
    pub(super) now: DateTime<Utc>,
    pub(super) refused: Option<Vec<i64>>,
    pub(super) extents: Option<i64>,
    pub(super) picked: Option<i64>,
}

impl Row {
    pub(super) fn claimed(self, lease: LeaseKey) -> Option<Claimed> {
        Some(Claimed {
            lease,
            tenant: self.tenant?,
            id: self.id?,
            nonce: self.nonce?,
            template_version: self.template_version?,
            batch: self.batch,
            member_key: self.member_key,
            object: self.object,
            input: self.input?,
            created_at: self.created_at?,
            expires_at: self.expires_at,
            parent: self.parent,
            lane: self.lane?,
            attempt: self.attempt?,
            losses: self.losses?,
            journaled: self.journaled?,
            limited: self.limited?,
            claimed_at: self.now,
        })
    }
}
