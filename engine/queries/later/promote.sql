-- Makes future work ready whose time has come.
-- Index  later_due (run_at, first_id).
-- Locks  the extents, skip locked.
with due as materialized (
    select ctid as place, later.*
    from later
    where run_at <= coalesce($1, now())
    order by run_at, first_id
    limit 500
    for update skip locked
),
gone as (
    delete from later where ctid = any (array(select place from due))
),
woken as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled from due
)
select count(*) as "extents!" from due;
