-- Moves planned jobs of a batch into `ready`, oldest first, whole extents and at most one cut one, with the priority
-- that the batch has now.
-- Index  lane_batch; held_lane (lane, reason, first_id), from the front of each of its lanes: one,
--        unless a limit gives its jobs different keys; batch_pkey.
-- Locks  the extents, skip locked, under the batch's lock.
-- Only as many as there is room for are locked: the window of a large batch opens by a few at a time.
with planned as materialized (
    select first_id
    from (
        select extent.first_id, sum(extent.last_id - extent.first_id + 1)
                   over (order by extent.first_id rows between unbounded preceding and 1 preceding) as before
        from lane
        cross join lateral (
            select first_id, last_id from held
            where held.lane = lane.id and held.reason = 'planned'
            order by first_id
            limit least($2::int8, $3::int8)
        ) extent
        where lane.batch = $1 and lane.batch <> 0 and $2::int8 > 0
        order by extent.first_id
        limit $3
    ) front
    where coalesce(before, 0) < $2
),
candidate as materialized (
    select held.ctid as place, held.*
    from held
    where held.first_id = any (array(select first_id from planned)) and held.reason = 'planned'
    order by held.first_id
    for update of held skip locked
),
picked as materialized (
    select candidate.*, least(last_id, first_id + ($2 - before) - 1) as upto
    from (
        select candidate.*,
               (coalesce(sum(last_id - first_id + 1)
                   over (order by first_id rows between unbounded preceding and 1 preceding), 0))::int8 as before
        from candidate
    ) candidate
    where before < $2
),
gone as (
    delete from held where ctid = any (array(select place from picked))
),
rest as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason, until, who, why)
    select upto + 1, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason, until, who, why
    from picked where upto < last_id
),
moved as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select first_id, upto, lane, now() - make_interval(secs => batch.priority), now(), batch.priority, attempt, losses, journaled
    from picked cross join (select priority from batch where id = $1) batch
)
select coalesce(sum(upto - first_id + 1), 0)::int8 as "jobs!" from picked;
