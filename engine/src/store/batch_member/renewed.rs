//! Members whose job was made anew: what counts is the newest one.

use std::collections::HashMap;

use super::{MemberRow, RESULT_BYTES};
use crate::{Error, Store};

/// The newest job of a member, and what became of it.
struct Renewed {
    origin: i64,
    job: i64,
    restarts: i32,
    outcome: Option<String>,
    code: Option<String>,
    fingerprint: Option<String>,
    attempt: Option<i16>,
    ended_at: Option<chrono::DateTime<chrono::Utc>>,
    result: Option<String>,
    /// Whether its result is here, where it was asked for.
    fits: bool,
}

impl Store {
    /// Puts the verdict of the newest job in the place of one that failed or expired. Rows end where a page has results
    /// enough.
    pub(super) async fn follow_renewed(
        &self,
        rows: Vec<MemberRow>,
        with_result: bool,
    ) -> Result<Vec<MemberRow>, Error> {
        let mut ended: Vec<i64> = rows
            .iter()
            .filter(|row| matches!(row.outcome.as_deref(), Some("failed" | "expired")))
            .map(|row| row.job)
            .collect();
        ended.dedup();
        if ended.is_empty() {
            return Ok(rows);
        }
        let found = sqlx::query_file_as!(
            Renewed,
            "queries/batch/renewed.sql",
            &ended,
            with_result,
            RESULT_BYTES as i64
        )
        .fetch_all(self.pool())
        .await?;
        let by_origin: HashMap<i64, Renewed> =
            found.into_iter().map(|row| (row.origin, row)).collect();
        let follow = |row: MemberRow| match by_origin.get(&row.job) {
            Some(newest) => newest.fits.then(|| newest.of(row)),
            None => Some(row),
        };
        Ok(up_to_a_page(rows.into_iter().map_while(follow)))
    }
}

/// As many rows as have results for a page together, the last of which goes beyond that.
fn up_to_a_page(rows: impl Iterator<Item = MemberRow>) -> Vec<MemberRow> {
    let mut before = 0;
    let has_room = |row: &MemberRow| {
        let has_room = before <= RESULT_BYTES;
        before += row.result.as_ref().map_or(0, String::len);
        has_room
    };
    rows.take_while(has_room).collect()
}

impl Renewed {
    fn of(&self, row: MemberRow) -> MemberRow {
        MemberRow {
            job: self.job,
            restarts: self.restarts,
            outcome: self.outcome.clone(),
            code: self.code.clone(),
            fingerprint: self.fingerprint.clone(),
            attempt: self.attempt,
            ended_at: self.ended_at,
            result: self.result.clone(),
            ..row
        }
    }
}
