-- What callers said beside jobs that went goes too, a page a pass.
-- Index  id_range_pkey, request_pkey.
-- Locks  the rows.
-- Gives  how many rows.
with dropped as materialized (
    select first_id, last_id from id_range where dropped_at is not null and not is_swept order by first_id limit 1
),
gone as (
    delete from request
    where request.job = any (array(
        select request.job from dropped
        join request on request.job >= dropped.first_id and request.job <= dropped.last_id
        order by request.job
        limit 5000))
    returning 1
),
done as (
    update id_range set is_swept = true
    where first_id in (select first_id from dropped) and (select count(*) from gone) = 0
)
select count(*) as "rows!" from gone;
