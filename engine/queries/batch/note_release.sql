-- Notes a release, with the rules that it went by: running once nothing planned is left, and no restart has more to come.
-- Index  batch_pkey; lane_batch, held_lane; redrive_restart.
-- Locks  the batch, held already.
update batch
set released = released + $2,
    rules = $3, judged = $4, let_through = $5, tokens = $6,
    -- a releaser whose transaction began earlier does not turn the bucket's time back
    tokens_at = case when $6::float8 is not null then greatest(tokens_at, $7::timestamptz) end,
    started_at = coalesce(started_at, case when $2 > 0 then now() end),
    state = case when left_over.any_left then 'releasing' else 'running' end,
    released_at = case when left_over.any_left then released_at else now() end
from (
    select exists (
        select from lane join held on held.lane = lane.id and held.reason = 'planned'
        where lane.batch = $1 and lane.batch <> 0
    ) or exists (
        select from redrive where redrive.batch = $1 and redrive.generation is not null and redrive.state = 'running'
    ) as any_left
) left_over
where batch.id = $1;
