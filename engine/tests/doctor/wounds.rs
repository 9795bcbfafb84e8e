//! What may be wrong with a database: each by hand, with the one code that names it.

/// How a repair leaves a wound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// It is gone.
    Heals,
    /// It takes a person.
    Leaves,
}
use Repair::{Heals, Leaves};

/// The code, what is done to a busy database, and what repair comes to.
pub const WOUNDS: [(&str, &str, Repair); 55] = [
    ("job_nowhere", "delete from later where first_id = (select min(first_id) from later)", Heals),
    ("job_nowhere", "delete from wait", Heals),
    (
        "job_nowhere",
        "delete from outcome where first_id = (select min(first_id) from outcome where kind = 'failed')",
        Heals,
    ),
    (
        "job_held_twice",
        "insert into later select first_id, first_id, lane, eff, now() + interval '1 hour', priority from ready order by 1 limit 1",
        Leaves,
    ),
    (
        "job_leased_twice",
        "insert into lease select gen_random_uuid(), n, worker, lane, eff, priority, attempt, losses, journaled,
             int8multirange(int8range(min(lower(jobs)), min(lower(jobs)), '[]')), '{}', claimed_at
         from lease where lane in (select id from lane where limits = '{}' and batch = 0)
         group by n, worker, lane, eff, priority, attempt, losses, journaled, claimed_at limit 1",
        Leaves,
    ),
    (
        "job_ended_twice",
        "update outcome set last_id = last_id + 1, result = null where first_id = (
             select min(a.first_id) from outcome a join outcome b on b.first_id = a.last_id + 1 and b.lane = a.lane)",
        Leaves,
    ),
    (
        "job_ended_and_held",
        "insert into ready (first_id, last_id, lane, eff, run_at)
         select first_id, first_id, lane, now(), now() from outcome where batch is null order by 1 limit 1",
        Heals,
    ),
    (
        "job_ended_and_held",
        "insert into outcome (first_id, last_id, tenant, lane, kind)
         select first_id + 1, first_id + 2, 1, lane, 'completed' from ready where last_id > first_id + 3 limit 1",
        Heals,
    ),
    (
        "job_ended_and_held",
        "insert into outcome (first_id, last_id, tenant, lane, kind)
         select lower(jobs), lower(jobs), 1, lane, 'completed'
         from lease where lane = (select id from lane where limits <> '{}')",
        Heals,
    ),
    (
        "job_ended_and_held",
        "insert into outcome (first_id, last_id, tenant, lane, kind) select job, job, 1, lane, 'completed' from wait",
        Heals,
    ),
    (
        "place_without_job",
        "insert into ready (first_id, last_id, lane, eff, run_at) select 7000100, 7000105, lane, now(), now() from ready limit 1",
        Leaves,
    ),
    (
        "wrong_lane",
        "update later set lane = (select max(id) from lane where limits = '{}' and batch = 0 and id <> later.lane)",
        Leaves,
    ),
    (
        "wrong_tenant",
        "insert into tenant (name) values ('other'); update job set tenant = 2 where id = (select min(first_id) from later)",
        Leaves,
    ),
    (
        "wrong_batch",
        "update job set batch = 1 where id = (select min(first_id) from later)",
        Leaves,
    ),
    (
        "outcome_differs",
        "insert into tenant (name) values ('other'); update outcome set tenant = 2 where first_id = (select min(first_id) from outcome)",
        Leaves,
    ),
    (
        "extent_leaves_block",
        "insert into outcome (first_id, last_id, tenant, lane, kind) select 7000999, 7000998, 1, min(id), 'completed' from lane",
        Leaves,
    ),
    (
        "journal_forgotten",
        "insert into journal (job, seq, kind, at, data) select min(first_id), 1, 'started', now(), '{}' from later",
        Leaves,
    ),
    (
        "journal_gap",
        "delete from journal where seq = 1 and job = (select job from journal where seq = 2);
         delete from head",
        Leaves,
    ),
    (
        "head_without_turn",
        "insert into head (job, seq, fold, state) select job, 9, 1, '' from journal where seq = 2",
        Heals,
    ),
    ("row_of_no_job", "insert into inbox (job, kind, data) values (7000500, 'order', '{}')", Heals),
    (
        "row_of_no_job",
        "insert into journal (job, seq, kind, at, data) values (7000500, 1, 'started', now(), '{}')",
        Leaves,
    ),
    (
        "tally_differs",
        "insert into tally (batch, kind, n) select id, 'completed', 1 from batch where state = 'releasing'",
        Heals,
    ),
    ("tally_differs", "delete from tally where kind = 'parked'", Heals),
    (
        "batch_expects_wrong",
        "update batch set expected = expected - 1 where state = 'releasing'",
        Heals,
    ),
    (
        "batch_ended_early",
        "update batch set state = 'completed', finished_at = now() where state = 'running'",
        Heals,
    ),
    (
        "batch_settled_too_often",
        "select setval('job_block', 7000);
         insert into tally (batch, kind, n) select id, 'completed', 99 from batch where state = 'releasing';
         insert into outcome (first_id, last_id, tenant, lane, batch, kind)
         select 7000000, 7000098, 1, lane, id, 'completed' from batch where state = 'releasing';
         insert into job (id, tenant, lane, template_version, batch, nonce, input)
         select one, 1, lane, template_version, id, 0, '{}'
         from batch, generate_series(7000000, 7000098) one where state = 'releasing';
         insert into redrive (tenant, rate, upto_id, who) values (1, 1, 0, 'mia');
         insert into redrive_job (redrive, job, origin)
         select redrive.id, job.id, case job.id when 7000000 then (select min(first_id) from batch_range where batch = job.batch)
                                            else job.id - 1 end
         from redrive, job where job.id between 7000000 and 7000098",
        Leaves,
    ),
    (
        "batch_not_finished",
        "insert into batch (tenant, name, state, strategy, template_version, document, sealed)
         select 1, 'empty', 'running', 'individual', min(id), '{}', true from template_version",
        Heals,
    ),
    ("batch_plan_differs", "update batch set jobs = jobs + 1 where state = 'releasing'", Leaves),
    ("batch_plan_differs", "delete from member where n = (select max(n) from member)", Leaves),
    ("planned_left_behind", "update batch set state = 'running' where state = 'releasing'", Heals),
    (
        "batch_without_slot",
        "update batch set schedule = 'hourly', slot_at = now() where state = 'releasing'",
        Leaves,
    ),
    (
        "lease_empty",
        "insert into lease select gen_random_uuid(), 1, worker, lane, eff, 0, 0, 0, false, '{}' from lease limit 1",
        Heals,
    ),
    ("stop_without_job", "update lease set stop = '{[5,6)}'", Heals),
    (
        "lease_of_dead_worker",
        "update lease set worker = gen_random_uuid(), claimed_at = now() - interval '1 hour'",
        Heals,
    ),
    (
        "lease_of_dead_worker",
        "update worker set dead_at = now() - interval '1 hour'; update lease set claimed_at = now() - interval '1 hour'",
        Heals,
    ),
    ("wait_without_cause", "update wait set due = null", Heals),
    (
        "cause_without_wait",
        "insert into wait (job, n, lane, kind, key) select min(first_id), 1, min(lane), 'signal', 'k' from later",
        Heals,
    ),
    ("timer_overdue", "update wait set due = now() - interval '1 hour'", Heals),
    ("later_overdue", "update later set run_at = now() - interval '1 hour'", Heals),
    ("expiry_overdue", "update expiry set at = now() - interval '1 hour'", Heals),
    (
        "cancel_overdue",
        "update held set reason = 'cancelling', run_at = now() - interval '1 hour' where reason = 'paused'; delete from pause",
        Heals,
    ),
    (
        "wish_overdue",
        "insert into intent (job, verb, who, why, at) select min(first_id), 'cancel', 'mia', '', now() - interval '1 hour' from later",
        Heals,
    ),
    ("key_without_job", "update request_key set job = 7000600", Leaves),
    ("key_overdue", "update request_key set expires_at = now() - interval '2 hours'", Heals),
    (
        "slot_overdue",
        "update slot set fire_at = now() - interval '1 hour' where at = (select min(at) from slot)",
        Leaves,
    ),
    (
        "slot_without_batch",
        "update slot set state = 'fired', decided_at = now() where at = (select min(at) from slot)",
        Leaves,
    ),
    (
        "slot_twice",
        "update slot set state = 'skipped', decided_at = now(), until = at + interval '30 days', n = 2 where at = (select min(at) from slot)",
        Leaves,
    ),
    ("schedule_not_planned", "update schedule set planned_until = now() - interval '1 hour'", Leaves),
    (
        "signal_missed",
        "insert into wait (job, n, lane, tenant, kind, name, key) select job, 1, lane, 1, 'signal', 'go', 'k' from wait limit 1;
         insert into signal (tenant, key, id, name, data, expires_at) values (1, 'k', 's', 'go', '{}', now() + interval '1 hour')",
        Heals,
    ),
    (
        "child_untold",
        "update outcome set at = now() - interval '1 hour';
         insert into child (job, parent, activity, awaited, on_close)
         select min(outcome.first_id), min(later.first_id), 1, true, 'wait' from outcome, later",
        Heals,
    ),
    (
        "letter_left",
        "update outcome set at = now() - interval '1 hour';
         insert into inbox (job, kind, data) select min(first_id), 'event', '{}' from outcome",
        Heals,
    ),
    (
        "signal_overdue",
        "insert into signal (tenant, key, id, name, data, expires_at) values (1, 'k', 's', 'go', '{}', now() - interval '1 hour')",
        Heals,
    ),
    (
        "event_overdue",
        "insert into event_new (tenant, kind, subject, data, at) values (1, 'T', '', '{}', now() - interval '1 hour')",
        Heals,
    ),
    ("paused_without_pause", "delete from pause", Heals),
    ("limit_drift", "update limit_use set used = used + 1", Heals),
];

/// The same, of what the database itself will run into and of what people keep.
pub const OTHERS: [(&str, &str, Repair); 4] = [
    (
        "lane_without_limit",
        "insert into lane (tenant, grp, limits) values (1, 'other', '{77777}')",
        Leaves,
    ),
    (
        "category_differs",
        "update category set items = items + 1",
        Leaves,
    ),
    ("ids_behind", "select setval('job_block', 1)", Heals),
    ("ids_run_out", "select setval('job_block', 47000)", Leaves),
];
