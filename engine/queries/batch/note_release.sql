-- Notes a release: running once nothing planned is left.
-- Index  batch_pkey; held_lane.
-- Locks  the batch, held already.
update batch
set released = released + $2,
    started_at = coalesce(started_at, case when $2 > 0 then now() end),
    state = case when left_over.any_left then 'releasing' else 'running' end,
    released_at = case when left_over.any_left then released_at else now() end
from (
    select exists (
        select from held join batch on batch.lane = held.lane
        where batch.id = $1 and held.reason = 'planned'
    ) as any_left
) left_over
where batch.id = $1;
