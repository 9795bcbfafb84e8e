-- A million jobs: six hundred whole blocks and two hundred thousand singles are due, the rest stands
-- in every other holder. Written for speed: the planner sees sizes and spreads, nothing runs.
insert into lane (tenant, grp, purpose, template)
select 1, 'g' || n % 20, 'p' || n, 't' from generate_series(1, 400) n;

insert into job (id, tenant, lane, template_version, batch, nonce, input)
select id, 1, 2 + (id / 1000) % 400, 1, case when id < 500000 then 1 + id / 5000 end, id, '{}'
from generate_series(0, 999999) id;

insert into ready (first_id, last_id, lane, eff, run_at)
select n * 1000, n * 1000 + 999, 2 + n % 400, now(), now() from generate_series(0, 599) n
union all
select n, n, 2 + n % 400, now() - make_interval(secs => n % 1000), now() from generate_series(600000, 799999) n;

insert into later (first_id, last_id, lane, eff, run_at)
select n, n, 2 + n % 400, now(), now() + make_interval(secs => n % 86400) from generate_series(800000, 899999) n;

insert into held (first_id, last_id, lane, eff, run_at, reason)
select n * 1000, n * 1000 + 999, 2 + n % 400, now(), now(), 'planned' from generate_series(900, 919) n
union all
select n, n, 2 + n % 400, now(), now(), 'parked' from generate_series(920000, 929999) n;

insert into worker (id, seen)
select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, now() from generate_series(1, 40) n;

insert into lease (claim, n, worker, lane, eff, priority, attempt, losses, journaled, jobs)
select gen_random_uuid(), 1, ('00000000-0000-0000-0000-' || lpad((1 + n % 40)::text, 12, '0'))::uuid, 2 + n % 400,
       now(), 0, 0, 0, false, int8multirange(int8range(930000 + n * 10, 930010 + n * 10))
from generate_series(0, 1999) n;

insert into context_reference (tenant, key, kind, id, what, at)
select 1, 'k' || n / 30, case when n % 10 = 0 then 'batch' else 'job' end, n, case when n % 2 = 0 then 'read' else 'change' end,
       now() - make_interval(secs => n)
from generate_series(3, 180000) n;

insert into wait (job, n, lane, eff, priority, attempt, losses, due)
select n, 0, 2 + n % 400, now(), 0, 0, 0, now() + make_interval(secs => n) from generate_series(950000, 969999) n;

insert into outcome (first_id, last_id, tenant, lane, batch, kind, code, fingerprint, at, claim)
select n, n, 1, 2 + n % 400, null, case when n % 50 = 0 then 'failed' else 'completed' end,
       case when n % 50 = 0 then 'communication' end, case when n % 50 = 0 then 'communication-503-' || n / 50 % 20 end,
       now() - make_interval(secs => 1000000 - n), gen_random_uuid()
from generate_series(970000, 999999) n;

insert into journal (job, seq, kind, at, claim, data)
select 950000 + n / 3, 1 + n % 3, 'started', now(), gen_random_uuid(), '{}' from generate_series(0, 59999) n;

insert into head (job, seq, fold, state)
select n, 3, 1, '{}' from generate_series(950000, 969999) n;

insert into bulk (tenant, change, filter, token, rate, state, total, who, why, finished_at)
select 1, '{}', '{}', 't' || n, 100, case when n < 1990 then 'done' else 'running' end, 1000, 'mia', 'look',
       case when n < 1990 then now() - make_interval(hours => n) end
from generate_series(1, 2000) n;

insert into bulk_page (bulk, n, todo, size, remaining)
select 1990 + n % 10, n, int8multirange(int8range(n * 100, n * 100 + 99)), 100, 100 from generate_series(0, 19999) n;

insert into bulk_refused (bulk, job, code, message)
select 1 + n % 2000, n, 'job_running', '' from generate_series(0, 59999) n;

insert into request_key (tenant, scope, key, hash, job, expires_at)
select 1, '', 'k' || n, '', n, now() + make_interval(secs => n) from generate_series(1, 60000) n;

insert into request (job, tenant)
select n, 1 from generate_series(600000, 659999) n;

insert into inbox (job, kind, data)
select n, 'order', '{}' from generate_series(950000, 959999) n;

insert into context (tenant, key, version, document, subject, expires_at)
select 1, 'k' || n, 3, '{}', case when n % 2 = 0 then 's' || n / 10 end,
       case when n % 3 = 0 then now() + make_interval(secs => n) end
from generate_series(1, 60000) n;

insert into context_change (tenant, key, version, kind, data, who, job, at)
select 1, 'k' || n / 3, 1 + n % 3, 'patch', '{}', 'j_' || n, n, now() - make_interval(secs => n)
from generate_series(3, 180000) n;

insert into wait (job, n, lane, tenant, kind, name, key)
select n, 1, 2 + n % 400, 1, case when n % 2 = 0 then 'signal' else 'event' end, 'm' || n % 100, 'k' || n
from generate_series(950000, 969999) n;

insert into inbox (job, kind, data, name, key, signal)
select n, 'signal', '{}', 'm' || n % 100, 'k' || n, 's' || n from generate_series(955000, 964999) n;

insert into signal (tenant, key, id, name, data, expires_at, job, refused)
select 1, 'k' || n % 5000, 's' || n, 'm' || n % 100, '{}', now() + make_interval(secs => n), case when n % 2 = 0 then n end,
       case when n % 50 = 1 then array[n] else '{}' end
from generate_series(1, 60000) n;

insert into event (pos, tenant, kind, subject, data, at, uid)
select n, 1, 'm' || n % 100, 'k' || n % 5000, '{}', now() - make_interval(secs => 60000 - n), 'e' || n
from generate_series(1, 60000) n;

insert into event_new (tenant, kind, subject, data, uid)
select 1, 'm' || n % 100, 'k' || n % 5000, '{}', 'n' || n from generate_series(1, 20000) n;

update event_head set pos = 60000;

update event_woken set pos = 59000;

insert into heard (job, name, key, pos)
select n, 'm' || n % 100, 'k' || n, n from generate_series(940000, 969999) n;

insert into child (job, parent, activity, awaited, on_close, closing_at)
select n, n - 20000, 1, true, 'cancel', case when n % 100 = 0 then now() end from generate_series(970000, 989999) n;

insert into approval (tenant, job, key, activities, round, subject, assignees, options, opened_at, asked_at, ended_at)
select 1, n, 'k', '{1}', 0, 's', array['m' || n / 50 % 300], '{approve}', now(), now(), case when n % 50 > 0 then now() end
from generate_series(900001, 960000) n;

insert into child_group (parent, activity, tenant, template_version, priority, items, parallel, failed_max, on_close, seed)
select n, 1, 1, 1, 0, 3, 10, 0, 'cancel', n from generate_series(950000, 969999) n;

insert into child_item (parent, activity, n, job, lane, input)
select 950000 + n / 3, 1, n % 3, 970000 + n % 20000, 2 + n % 400, '{}' from generate_series(0, 59999) n;

insert into configuration (tenant, kind, name, revision, document, hash)
select 1, 'purpose', 'c' || n, 1, '{}', '' from generate_series(1, 300) n;

insert into batch (tenant, name, configuration, state, strategy, template_version, lane, document, finished_at, idempotency_key)
select 1, 'b' || n, 'c' || n % 300, case when n > 4950 then 'running' else 'completed' end, 'individual', 1, 2 + n % 400, '{}',
       case when n > 4950 then null else now() end, 'k' || n
from generate_series(1, 5000) n;

update batch set opened = true, names_kept = id % 2 = 0, closed_at = case when id % 2 = 0 then now() end where id <= 100;

insert into batch_name (batch, is_object, name)
select 1 + n % 100, n % 10 = 0, 'k' || n from generate_series(1, 200000) n;

insert into addition (batch, idempotency_key, hash, members, jobs, chunks, left_out, plan_hash, created_by)
select 1 + n % 100, 'k' || n, '', 1, 1, 0, 0, '', '' from generate_series(1, 20000) n;

insert into child_batch (batch, parent, activity, on_close, failed_max, closing_at, over)
select n, 960000 + n, 1, 'cancel', 0, case when n > 4990 then now() end, n <= 4950 from generate_series(1, 5000) n;

insert into batch_range (batch, first_id, last_id)
select 1 + n / 5, n * 1000, n * 1000 + 999 from generate_series(0, 499) n;

insert into member (batch, job, n, chunk, key, document)
select 1 + n % 20, n, n, n / 100, 'k' || n, '{}' from generate_series(1, 60000) n;

insert into chunk_verdict (job, chunk, told_by, tries, kind, at)
select n, n / 100, n, 1, 'completed', now() from generate_series(1, 60000) n;

insert into left_out (batch, n, key, reason)
select 1 + n % 20, n, 'k' || n, 'filter' from generate_series(1, 20000) n;

insert into tally (batch, kind, n)
select 1 + n % 1000, 'completed', 1 from generate_series(1, 20000) n;

insert into schedule (tenant, name, revision, rule, zone_data, planned_until)
select 1, 's' || n, 1, '{}', '2026a', now() from generate_series(1, 200) n;

insert into slot (tenant, schedule, at, fire_at, revision, zone_data, state, decided_at)
select 1, 's' || 1 + n % 200, now() - make_interval(mins => n), now() - make_interval(mins => n), 1, '2026a',
       case when n < 200 then 'planned' else 'skipped' end, case when n < 200 then null else now() end
from generate_series(1, 40000) n;

update slot set until = at, n = 1 where at < now() - interval '27 days' and state = 'skipped';

insert into schedule (tenant, name, revision, rule, zone_data, planned_until, template_version, after_seconds, event_pos)
select 1, 'ns/o' || n, 1, '{}', '', now(), 1, case when n > 50 then 60 end, case when n <= 50 then 0 end
from generate_series(1, 100) n;

insert into schedule_job (tenant, schedule, job)
select 1, 'ns/o' || 1 + n % 100, n * 10 from generate_series(1, 20000) n;

insert into gathering (tenant, schedule, first_pos, taken, expires_at)
select 1, 'ns/o' || 1 + n % 50, n, '[]', now() + make_interval(mins => n) from generate_series(1, 20000) n;

insert into category (tenant, name, version, items)
select 1, 'c' || n, 2, 1500 from generate_series(1, 40) n;

insert into category_item (category, added, n, key, object, document)
select 1 + n % 40, 1, n, 'k' || n, 'o' || n % 100, '{}' from generate_series(1, 60000) n;

insert into source_row (batch, n, key, object, document, left_out)
select 1 + n % 100, n, 'k' || n, 'o' || n % 500, '{}', case when n % 1000 = 0 then 'invalid' end
from generate_series(1, 200000) n;

update batch set staged = true where id <= 100;

update slot set not_started_at = at, not_finished_at = at where at < now() - interval '20 days';

update slot set start_by = at, finish_by = at where state = 'planned';

insert into webhook (tenant, name, revision, events, enabled, disable_after_seconds)
select 1, 'w' || n, 1, '{batch.*}', true, 432000 from generate_series(1, 30) n;

insert into notice (tenant, kind, batch, generation, told_at)
select 1, 'batch.finished', 1 + n % 900, n, case when n > 40 then now() end from generate_series(1, 60000) n;

insert into notice (tenant, kind, schedule, slot_at, told_at)
select 1, 'slot.missed', 's1', now(), now() - make_interval(mins => n) from generate_series(1, 20000) n;

insert into callback (notice, n, tenant, batch, kind, purpose, input, job)
select id, 0, 1, batch, 'finished', 'p', '{}', case when generation > 60 then 7 end
from notice where batch is not null and generation < 30000;

insert into callback_watch (batch, n, kind, failed)
select n, 0, 'first_failure', 1 from generate_series(1, 100) n;

insert into delivery (tenant, webhook, event, kind, body, state, tries, due, ended_at)
select 1, 'w' || 1 + n % 30, 'evt_' || n, 'batch.finished', '{}', case when n < 1000 then 'waiting' else 'delivered' end, 1,
       now() + make_interval(secs => n), case when n >= 1000 then now() - make_interval(secs => n) end
from generate_series(1, 100000) n;

insert into delivery_try (delivery, n, milliseconds, status)
select id, 1, 7, 200 from delivery;

insert into category_index (category, field, until, is_whole, is_dropped)
select 1 + n % 40, 'f' || n, 1, n % 50 <> 0, n % 70 = 0 from generate_series(1, 200) n;

insert into category_mark (index, mark, n, added)
select 1 + n % 200, sha256(convert_to('v' || n % 5000, 'UTF8')), n, 1 from generate_series(1, 200000) n;

-- As autovacuum does: tables and partitions, never the whole of what is partitioned.
do $$
declare
    named text;
begin
    for named in select oid::regclass from pg_class where relnamespace = 'windlass'::regnamespace and relkind = 'r' loop
        execute 'analyze ' || named;
    end loop;
end $$;
