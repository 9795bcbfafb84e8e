-- Which batches among $1 expect another number of settlements than they will get, ended before they had
-- them, or have them for $2 seconds and did not end? One that is cancelled asks its jobs first. What is redriven settles once more,
-- and ends when the redrive is over.
-- Index  batch_pkey; batch_range_pkey; tally_batch; redrive_of_batch.
-- Locks  none; one snapshot: expectations are raised with the tallies that say why.
-- Gives  a row a code: how many, and the first $3 of them.
with fact as (
    select batch.id, batch.state, batch.expected, plan.jobs + told.restarted as due, told.settled, greatest(told.latest, redriven.until) as latest,
           (batch.cancelling_at is null or batch.cancel_cursor = 9223372036854775807)
             and (not batch.opened or batch.closed_at is not null or batch.cancelling_at is not null)
             and (batch.cancelling_at is not null or not coalesce(redriven.goes_on, false)) as may_end
    from batch
    cross join lateral (
        select coalesce(sum(last_id - first_id + 1), 0)::int8 as jobs from batch_range where batch_range.batch = batch.id
    ) plan
    cross join lateral (
        select coalesce(sum(n) filter (where kind <> 'chunk_members' and kind not like 'restarted_%'), 0)::int8 as settled,
               coalesce(sum(n) filter (where kind like 'restarted_%'), 0)::int8 as restarted,
               max(at) as latest
        from tally where tally.batch = batch.id
    ) told
    cross join lateral (
        select max(finished_at) as until, bool_or(state = 'running') as goes_on from redrive where redrive.batch = batch.id
    ) redriven
    where batch.id = any ($1::int8[]) and batch.sealed and batch.state <> 'failed'
),
wrong as (
    select fact.*,
           case when expected <> due then 'batch_expects_wrong'
                when settled > expected then 'batch_settled_too_often'
                when state in ('completed', 'completed_with_errors', 'cancelled') and settled < expected then 'batch_ended_early'
                when state = 'running' and settled = expected and may_end
                     and coalesce(latest, '-infinity') < now() - make_interval(secs => $2) then 'batch_not_finished'
           end as code
    from fact
)
select code as "code!", count(*) as "found!", (array_agg('b_' || id order by id))[1:$3::int4] as "subjects!",
       (array_agg(state || ', ' || settled || ' of ' || expected || ' settled, ' || due || ' due' order by id))[1:$3::int4]
           as "details!"
from wrong
where code is not null
group by code;
