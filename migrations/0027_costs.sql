-- What a start costs: how many units of each limit one job of a lane takes.
--
-- A limit counted jobs, so a call of 4,000 tokens and one of 40 were alike to it. All jobs of a lane cost the same,
-- so a claim still knows from the lane alone how many have room, and a settlement how much to give back. The costs
-- are part of the lane's natural key as it stands: `limit_keys` has `limit*cost:key` for a key of which a job takes
-- more than one unit. What `cost` names beside the lane's limits stands there as `!limit` and takes nothing.
--
-- What a step prefers needs no column: a word of `capability` that begins with `?` is preferred, not needed, and
-- those come last. A binary that does not know them takes them for needs that nobody has, and leaves the lane alone.

-- Beside each of `limits`, in their order; empty where each is one.
alter table lane add column costs int[] not null default '{}'
    constraint lane_costs check (costs = '{}' or cardinality(costs) = cardinality(limits));
