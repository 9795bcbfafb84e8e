-- Ends the jobs of a plan that failed or was cancelled, which $2 says: cancelled, one row a range, outside the batch's totals.
-- Index  lane_batch; held_lane (lane, reason, first_id).
-- Locks  the held extents.
with gone as (
    delete from held using batch, lane
    where batch.id = $1 and lane.batch = $1 and lane.batch <> 0 and held.lane = lane.id and held.reason = 'planned'
    returning held.first_id, held.last_id, held.lane, batch.tenant, batch.id as batch
)
insert into outcome (first_id, last_id, tenant, lane, batch, kind, code)
select first_id, last_id, tenant, lane, batch, 'cancelled', $2 from gone;
