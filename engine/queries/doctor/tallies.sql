-- In which batches among $1 do the tallies of a kind differ from what became of the jobs? The jobs are those
-- of the plan, and those that a redrive made anew of failed ones, of these again, and so on.
-- Index  batch_range_pkey; redrive_job_origin; outcome_pkey, held_parked_order by range; tally_batch.
-- Locks  none; one snapshot, and a tally is written with what it counts. So the difference stays the same
--        whatever settles meanwhile.
-- Gives  a row a batch and kind.
with recursive planned as materialized (
    select batch, first_id, last_id from batch_range where batch = any ($1::int8[])
),
anew as (
    select planned.batch, redrive_job.job
    from planned join redrive_job on redrive_job.origin >= planned.first_id and redrive_job.origin <= planned.last_id
    where redrive_job.job <> redrive_job.origin
    union
    select anew.batch, redrive_job.job
    from anew join redrive_job on redrive_job.origin = anew.job
    where redrive_job.job <> redrive_job.origin
),
span as materialized (
    select batch, first_id, last_id from planned union all select batch, job, job from anew
),
became as (
    select span.batch, outcome.kind, sum(outcome.last_id - outcome.first_id + 1)::int8 as n
    from span join outcome on outcome.first_id >= span.first_id and outcome.first_id <= span.last_id
    where outcome.code is distinct from 'plan_failed' and outcome.code is distinct from 'plan_cancelled'
    group by span.batch, outcome.kind
    union all
    select span.batch, 'parked', sum(held.last_id - held.first_id + 1)::int8
    from span join held on held.first_id >= span.first_id and held.first_id <= span.last_id
    where held.reason = 'parked'
    group by span.batch
),
told as (
    select batch, case kind when 'restarted_parked' then 'parked' else kind end as kind,
           sum(case kind when 'restarted_parked' then -n else n end)::int8 as n
    from tally
    where batch = any ($1::int8[]) and kind not in ('chunk_members', 'restarted_failed', 'restarted_expired')
    group by 1, 2
)
select coalesce(told.batch, became.batch) as "batch!", coalesce(told.kind, became.kind) as "kind!",
       coalesce(told.n, 0) as "told!", coalesce(became.n, 0) as "became!"
from told full join became on became.batch = told.batch and became.kind = told.kind
where coalesce(told.n, 0) <> coalesce(became.n, 0)
order by 1, 2;
