-- Ends batches whose settlements are complete. A redrive raises `expected` under the batch's lock, so
-- the check is repeated on the newest row. What was redriven is bad no more. Those with a tolerance are judged first,
-- one by one, unless somebody cancels them. A parked job has settled, and a cancelled batch ends it as well: it is not
-- over before all of its jobs were asked. Nor is one that is open to more members, or that a redrive lets go on at a pace:
-- it ends once, when that is done.
-- Index  batch_open (state, id); tally_batch; redrive_of_batch, redrive_running; notice_of_batch.
-- Locks  the batches that it ends, in order of id; the new notices, one a batch and generation.
with told as materialized (
    select batch.id,
           coalesce(sum(tally.n) filter (where tally.kind <> 'chunk_members' and tally.kind not like 'restarted_%'), 0)::int8 as settled,
           coalesce(sum(tally.n) filter (where tally.kind in ('failed', 'parked', 'expired')), 0)::int8
               - coalesce(sum(tally.n) filter (where tally.kind like 'restarted_%'), 0)::int8 as bad
    from batch
    left join tally on tally.batch = batch.id
    where batch.state = 'running' and batch.finished_at is null and batch.sealed
      and (not batch.judged or batch.cancelling_at is not null)
      and (batch.cancelling_at is null or batch.cancel_cursor = 9223372036854775807)
    group by batch.id
),
ended as (
    update batch
    set state = case when batch.cancelling_at is not null then 'cancelled' when batch.tripped = 'fail' then 'failed' when told.bad > 0 then 'completed_with_errors' else 'completed' end,
        finished_at = now()
    from told
    where batch.id = told.id and batch.state = 'running' and batch.sealed and batch.expected = told.settled
      and (not batch.judged or batch.cancelling_at is not null)
      and (batch.cancelling_at is null or batch.cancel_cursor = 9223372036854775807)
      and (not batch.opened or batch.closed_at is not null or batch.cancelling_at is not null)
      and (batch.cancelling_at is not null
           or not exists (select from redrive where redrive.batch = batch.id and redrive.state = 'running'))
    returning batch.id, batch.tenant, batch.generation, batch.state
),
noted as (
    insert into notice (tenant, kind, batch, generation, data)
    select ended.tenant, 'batch.finished', ended.id, ended.generation,
           json_build_object('state', ended.state, 'tally', (
               select coalesce(json_object_agg(kind_of.kind, kind_of.n), '{}')
               from (select kind, sum(n)::int8 as n from tally where tally.batch = ended.id group by kind) kind_of))::text
    from ended
    on conflict do nothing
)
select id from ended;
