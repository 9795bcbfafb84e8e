-- Begins the next generation of a batch: a redrive that goes through its release. None when one is under way. It is
-- releasing from now on, also one that runs: else its last open job would end it before the first pass. Of a batch
-- that ended with too much failed, what failed is accepted until it is put back: a part of it may be restarted alone.
-- What it makes anew lies behind the last id that the batch has now, and is not made anew once more.
-- Index  batch_pkey; redrive_restart; batch_range_pkey; anew_range_pkey; tally_batch.
-- Locks  the batch, held already; the new row.
-- Gives  the new row's id, or none.
with next as (
    update batch
    set generation = generation + 1,
        state = case when state = 'paused' then state else 'releasing' end,
        accepted = case when finished_at is null or tripped is null then accepted else (
            select coalesce(sum(case when kind like 'restarted_%' then -n else n end), 0)
            from tally
            where tally.batch = batch.id and kind = any ('{failed,parked,expired,restarted_failed,restarted_parked,restarted_expired}')) end,
        reason = case when finished_at is null or tripped is null then reason end,
        tripped = case when finished_at is null then tripped end,
        tripped_at = case when finished_at is null then tripped_at end,
        finished_at = null
    where id = $2 and not exists (
        select from redrive where redrive.batch = $2 and redrive.generation is not null and redrive.state = 'running')
    returning generation
)
insert into redrive (tenant, batch, fingerprint, members, template_version, generation, rate, failed_too, upto_id, who, why,
    idempotency_key, print)
select $1, $2, $3, $4, $5, next.generation, 1000, true,
       greatest((select max(last_id) from batch_range where batch_range.batch = $2),
                (select max(last_id) from anew_range where anew_range.batch = $2), 0), $6, $7, $8, $9
from next
returning id;
