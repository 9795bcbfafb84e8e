-- The next parked jobs of a redrive, and their batches; a batch that was cancelled or failed stays ended.
-- Index  held_parked_order, or held_parked for a fingerprint.
-- Locks  none: the batches come first.
-- Gives  up to $7 rows after $5.
-- A plan for both ways in: the condition on $2 alone decides, before either begins, which one runs.
select found.first_id as "job!", lane.batch as "batch!"
from (
    select first_id, lane from held
    where $2::text is null and reason = 'parked' and first_id > $5 and first_id <= $6
    union all
    select first_id, lane from held
    where $2 is not null and reason = 'parked' and coalesce(fingerprint, '') = $2 and first_id > $5 and first_id <= $6
) found
join lane on lane.id = found.lane
left join batch on batch.id = lane.batch
where lane.tenant = $1
  and ($3::int8 is null or lane.batch = $3)
  and ($4::int8[] is null or found.first_id = any ($4))
  and (batch.id is null or batch.state not in ('cancelled', 'failed') and batch.cancelling_at is null)
order by found.first_id
limit $7;
