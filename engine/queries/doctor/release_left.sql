-- Lets running batches among $1 that have planned jobs release them as their window has room; a cancelled one ends them, and
-- so does one that its tolerance fails.
-- Index  batch_pkey; lane_batch, held_lane (lane, reason, first_id).
-- Locks  the batches, held already.
-- Gives  how many rows were changed.
update batch
set state = 'releasing'
where id = any ($1::int8[]) and state = 'running' and sealed and cancelling_at is null and tripped is distinct from 'fail'
  and exists (
      select from lane join held on held.lane = lane.id and held.reason = 'planned'
      where lane.batch = batch.id and lane.batch <> 0);
