-- What stands beside jobs that went goes too, a page a pass: what callers said, and how their chunks ended.
-- Index  id_range_pkey, request_pkey, chunk_verdict_pkey.
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
verdicts as (
    delete from chunk_verdict
    where chunk_verdict.job = any (array(
        select verdict.job from dropped
        join chunk_verdict verdict on verdict.job >= dropped.first_id and verdict.job <= dropped.last_id
        order by verdict.job
        limit 5000))
    returning 1
),
swept as (
    select (select count(*) from gone) + (select count(*) from verdicts) as rows
),
done as (
    update id_range set is_swept = true
    where first_id in (select first_id from dropped) and (select rows from swept) = 0
)
select rows as "rows!" from swept;
