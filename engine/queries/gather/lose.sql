-- Deletes events that wait for others in vain: all of a schedule, or those whose time was over at $3; they are counted.
-- Index  gathering_pkey; schedule_pkey.
-- Locks  the schedule's row, held already; the rows.
-- Gives  how many events.
with gone as (
    delete from gathering
    where tenant = $1 and schedule = $2 and ($3::timestamptz is null or expires_at <= $3)
    returning json_array_length(taken::json) as events
),
counted as (
    update schedule set lost = lost + (select sum(events) from gone)
    where tenant = $1 and name = $2 and exists (select from gone)
)
select coalesce(sum(events), 0) as "events!" from gone;
