//! The jobs of a page with what became of them.
//!
//! Read apart and put together here: both come in the order of ids, and joining them in the database costs twice as
//! much as reading them.

use chrono::{DateTime, Utc};

use super::{MemberCursor, MemberRow, RESULT_BYTES};
use crate::store::page::fetch;
use crate::{Error, Store};

/// What became of the jobs of an extent.
struct Ended {
    first_id: i64,
    last_id: i64,
    kind: String,
    code: Option<String>,
    fingerprint: Option<String>,
    attempt: i16,
    at: DateTime<Utc>,
    result: Option<String>,
}

impl Store {
    /// One member more than the page shows, or fewer where results are large: then the last one's result fills it.
    pub(super) async fn job_rows(
        &self,
        tenant: i32,
        batch: i64,
        cursor: MemberCursor,
        limit: u32,
        with_result: bool,
    ) -> Result<Vec<MemberRow>, Error> {
        let jobs = sqlx::query_file!(
            "queries/batch/jobs.sql",
            tenant,
            batch,
            cursor.after,
            fetch(limit),
            cursor.n
        )
        .fetch_all(self.pool())
        .await?;
        let members = jobs.into_iter().map(|row| MemberRow {
            n: row.n,
            planned_job: row.job,
            job: row.job,
            chunk: None,
            key: row.key.unwrap_or_default(),
            object: row.object,
            outcome: None,
            code: None,
            fingerprint: None,
            attempt: None,
            restarts: 0,
            ended_at: None,
            result: None,
            verdict: None,
        });
        let members: Vec<MemberRow> = members.collect();
        let (first, last) = runs(&members);
        let ended = sqlx::query_file_as!(
            Ended,
            "queries/batch/ended.sql",
            &first,
            &last,
            with_result,
            RESULT_BYTES as i64
        )
        .fetch_all(self.pool())
        .await?;
        Ok(joined(members, ended))
    }
}

/// The first and the last ids of runs of jobs that have no others between.
fn runs(members: &[MemberRow]) -> (Vec<i64>, Vec<i64>) {
    let runs = members.chunk_by(|one, next| one.job + 1 == next.job);
    let ends = runs.filter_map(|run| Some((run.first()?.job, run.last()?.job)));
    ends.unzip()
}

/// Members with their outcomes, as far as these were read.
fn joined(mut members: Vec<MemberRow>, ended: Vec<Ended>) -> Vec<MemberRow> {
    let bytes = ended.iter().filter_map(|one| one.result.as_ref());
    if bytes.map(String::len).sum::<usize>() > RESULT_BYTES {
        let last = ended.last().map_or(0, |one| one.last_id);
        members.retain(|member| member.job <= last);
    }
    let mut members_left = members.as_mut_slice();
    for outcome in ended {
        let before = members_left.partition_point(|member| member.job < outcome.first_id);
        let within = members_left.partition_point(|member| member.job <= outcome.last_id);
        let (known, behind) = members_left.split_at_mut(within);
        members_left = behind;
        outcome.tell(&mut known[before..]);
    }
    members
}

impl Ended {
    /// Only an outcome of one job has a result.
    fn tell(mut self, members: &mut [MemberRow]) {
        for member in members {
            member.outcome = Some(self.kind.clone());
            member.code.clone_from(&self.code);
            member.fingerprint.clone_from(&self.fingerprint);
            member.attempt = Some(self.attempt);
            member.ended_at = Some(self.at);
            member.result = self.result.take();
        }
    }
}
