-- Tells parents what became of their batches ($2: completed or failed, $3: output or error), and wakes those that rest; one that
-- did not wait was told before.
-- Its caller has met the parents (`mail/meet.sql`).
-- Index  child_batch_pkey; wait_pkey.
-- Locks  the rows in order of batch; then rows n = 0 of the parents in order of job.
-- Gives  how many were told.
with own as materialized (
    select child_batch.batch, child_batch.parent, child_batch.activity, child_batch.awaited, told.outcome, told.result
    from unnest($1::int8[], $2::text[], $3::text[]) told (batch, outcome, result)
    join child_batch on child_batch.batch = told.batch
    where not child_batch.over
    order by child_batch.batch
    for update of child_batch
),
noted as (
    update child_batch set over = true from own where child_batch.batch = own.batch
),
letters as (
    insert into inbox (job, kind, data)
    select parent, 'child',
           json_build_object('activity', activity, 'job', 'b_' || batch, 'outcome', outcome, 'result', result::json)::text
    from own
    where awaited
),
park as materialized (
    select job, lane, eff, priority, attempt, losses
    from wait
    where job = any (array(select parent from own where awaited)) and n = 0
    order by job
    for update
),
gone as (
    delete from wait using park where wait.job = park.job
),
woken as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select job, job, lane, eff, now(), priority, attempt, losses, true from park
)
select count(*) as "told!" from own;
