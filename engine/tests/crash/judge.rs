//! What must hold after any crash, as queries that count what is wrong.

use std::time::Duration;

use sqlx::AssertSqlSafe;
use tokio::time::sleep;

use crate::stage::{ACTOR, Stage};

/// Once nothing is left to do.
const WRONG: [(&str, &str); 24] = [
    (
        "jobs that do not stand in exactly one place",
        "with place as (
             select id from ready, generate_series(first_id, last_id) id
             union all select id from later, generate_series(first_id, last_id) id
             union all select id from held, generate_series(first_id, last_id) id
             union all select id from lease, unnest(jobs) r, generate_series(lower(r), upper(r) - 1) id
             union all select job from wait where n = 0
             union all select id from outcome, generate_series(first_id, last_id) id)
         select count(*) from (
             select from job full join place on place.id = job.id
             group by coalesce(job.id, place.id) having count(place.id) <> 1 or count(job.id) <> 1) wrong",
    ),
    (
        "jobs that wait for somebody although nobody is left",
        // A batch that its own rules have stopped waits for a person.
        "with halted as (select lane from lane_pause where scope = 'halt')
         select (select count(*) from ready where lane not in (select lane from halted))
              + (select count(*) from later) + (select count(*) from lease) + (select count(*) from wait)
              + (select count(*) from held where reason not in ('parked', 'paused') and lane not in (select lane from halted))",
    ),
    (
        "jobs that stand still for a pause that is not there, or pauses that hold no job",
        "select count(*)
         from (select * from held where reason = 'paused') still
         full join (select * from pause where job is not null and (until is null or until > now())) lasting
           on lasting.job = still.first_id and lasting.job = still.last_id
         where still.first_id is null or lasting.job is null",
    ),
    (
        "counters of limits that disagree with the leases",
        "select count(*) from limit_use where used <> (
             select coalesce(sum(upper(r) - lower(r)), 0)
             from lease join lane on lane.id = lease.lane, unnest(lease.jobs) r where key = any (lane.limits))",
    ),
    (
        "redrives that did not end",
        "select count(*) from redrive where state = 'running'",
    ),
    (
        "changes of many jobs that did not end, or whose figures do not add up",
        "select count(*) from bulk where state = 'running' or state = 'done' and done + refused <> total",
    ),
    (
        "failed jobs that were made anew twice",
        "select count(*) from (
             select from job where redrive_of is not null group by redrive_of having count(*) > 1) wrong",
    ),
    (
        "watches over the start of jobs that have ended",
        "select count(*) from expiry join outcome on expiry.job between first_id and last_id",
    ),
    (
        "tallies that differ from what has settled",
        "with told as (
             select batch, replace(kind, 'restarted_parked', 'parked') as kind,
                    sum(case kind when 'restarted_parked' then -n else n end) as n
             from tally where kind <> 'chunk_members' group by 1, 2),
         settled as (
             select batch, kind, sum(last_id - first_id + 1) as n from outcome where batch is not null group by 1, 2
             union all
             select lane.batch, 'parked', sum(last_id - first_id + 1)
             from held join lane on lane.id = held.lane where lane.batch <> 0 and reason = 'parked' group by 1
             union all
             select job.batch, 'restarted_' || origin.kind, count(*)
             from job join outcome origin on job.redrive_of between origin.first_id and origin.last_id
             where job.batch is not null group by 1, 2)
         select count(*) from told full join settled using (batch, kind)
         where coalesce(told.n, 0) <> coalesce(settled.n, 0)",
    ),
    (
        "batches that did not end",
        "select count(*) from batch
         where finished_at is null and id::text not in (select subject from pause where scope = 'halt')",
    ),
    (
        "batches that have not the jobs that they expect",
        "select count(*) from batch where sealed and state <> 'failed'
           and expected <> (select count(*) from job where job.batch = batch.id)
                         + (select coalesce(sum(n), 0) from tally where tally.batch = batch.id and kind = 'restarted_parked')",
    ),
    (
        "members of a plan that are there twice or not at all",
        "select count(*) from batch where sealed and state <> 'failed' and strategy <> 'individual'
           and members <> (select count(*) from member where member.batch = batch.id)",
    ),
    (
        "journals with a gap or a double",
        "select count(*) from (
             select from journal group by job having min(seq) <> 1 or max(seq) <> count(*)) wrong",
    ),
    (
        "heads of turns that are not there",
        "select count(*) from head
         where not exists (select from journal where journal.job = head.job and journal.seq = head.seq)",
    ),
    (
        "wishes for jobs that have ended",
        "select count(*) from intent join outcome on intent.job between first_id and last_id",
    ),
    (
        "orders for jobs that have ended",
        "select count(*) from inbox join outcome on inbox.job between first_id and last_id",
    ),
    (
        "causes of jobs that do not rest",
        "select count(*) from wait cause where n > 0
           and not exists (select from wait park where park.job = cause.job and park.n = 0)",
    ),
    (
        "children whose parents were not told",
        "select count(*) from child",
    ),
    (
        "events that were not published",
        "select count(*) from event_new",
    ),
    (
        "signals and letters that do not know each other",
        "select count(*) from inbox left join signal on signal.id = inbox.signal and signal.key = inbox.key
         where inbox.kind = 'signal' and signal.job is distinct from inbox.job",
    ),
    (
        "keys without a job",
        "select count(*) from request_key where not exists (select from job where job.id = request_key.job)",
    ),
    (
        "slots that do not know what they started",
        "select count(*) from slot full join (select * from batch where slot_at is not null) made
           on made.id = slot.batch
         where (slot.at is null) or (slot.state in ('fired', 'late', 'manual') and made.id is null
                and not exists (select from job where job.id = slot.job))",
    ),
    (
        "items of a version that was not published",
        "select count(*) from category_item join category on category.id = category_item.category
         where added > version or removed > version + 1
            or items <> (select count(*) from category_item one where one.category = category.id and one.removed is null)",
    ),
    (
        "marks without items or items without marks",
        "select count(*)
         from (
             select id, item.n, item.added, item_mark(document, field) as mark
             from category_index join category_item item using (category)
             where is_whole and not is_dropped) item
         full join (
             select category_mark.* from category_mark join category_index on id = index where is_whole and not is_dropped) mark
           on mark.index = item.id and mark.mark = item.mark and mark.n = item.n and mark.added = item.added
         where item.id is null or mark.index is null and item.mark is not null",
    ),
];

/// The first thing that is wrong with what the story and its recovery left.
pub async fn judge(stage: &Stage, expects: &[(&'static str, i64)]) -> Option<String> {
    let counts: Vec<String> = WRONG.iter().map(|(_, sql)| format!("({sql})")).collect();
    let sql = format!("select array[{}]::int8[]", counts.join(", "));
    let found: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(&stage.bench.pool)
        .await
        .expect("the counts");
    for (count, (what, _)) in found.iter().zip(WRONG) {
        if *count != 0 {
            return Some(format!("{count} {what}"));
        }
    }
    for (sql, expected) in expects {
        let count: Result<i64, _> = sqlx::query_scalar(*sql).fetch_one(&stage.bench.pool).await;
        if count.as_ref().ok() != Some(expected) {
            return Some(format!("{count:?}, not {expected}: {sql}"));
        }
    }
    None
}

/// Far longer than a server needs to notice that its client is gone.
const NOTICED_WITHIN_LOOKS: usize = 1_000;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What a session must not leave behind, whatever became of it: an open transaction, a lock.
pub async fn left_behind(stage: &Stage) -> Option<String> {
    let sql = "select (select count(*) from pg_stat_activity where datname = current_database()
                         and application_name = $1 and state like 'idle in transaction%')
                    + (select count(*) from pg_locks where locktype = 'advisory'
                         and database = (select oid from pg_database where datname = current_database()))";
    // A server notices a while later that its client is gone.
    let mut left: i64 = 1;
    for _ in 0..NOTICED_WITHIN_LOOKS {
        left = sqlx::query_scalar(sql)
            .bind(ACTOR)
            .fetch_one(&stage.bench.pool)
            .await
            .expect("a count");
        if left == 0 {
            return None;
        }
        sleep(LOOK_AGAIN).await;
    }
    Some(format!(
        "{left} open transactions or advisory locks were left behind"
    ))
}
