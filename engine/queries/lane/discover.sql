-- Which lanes have due work, and how are they weighed?
-- Index  ready (lane, eff, first_id), one descent a lane: a loose scan, however many rows a lane has.
-- Locks  none. Paused lanes are left out: blocked means not visited.
with recursive step as (
    (select lane from ready order by lane limit 1)
    union all
    select (select ready.lane from ready where ready.lane > step.lane order by ready.lane limit 1)
    from step
    where step.lane is not null
)
select lane.id, lane.grp, lane.weight, lane.capability
from step
join lane on lane.id = step.lane
where not exists (select from intent where intent.lane = lane.id and intent.verb = 'pause')
order by lane.id;
