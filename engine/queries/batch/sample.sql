-- The first jobs of a plan with their input, in plan order: $2 at most, and of so many bytes together, but for the first.
-- Index  batch_range_pkey; job_pkey.
-- Locks  none.
-- Gives  up to $2 rows.
with first as materialized (
    select job.id, job.member_key, job.object, job.input
    from (select first_id, last_id from batch_range where batch = $1 order by first_id limit $2) range
    cross join lateral (
        select id, member_key, object, input from job
        where id between range.first_id and range.last_id order by id limit $2) job
    order by job.id
    limit $2
)
select id as "id!", member_key, object, input as "input!"
from (select first.*, sum(octet_length(input)) over (order by id) as bytes,
             row_number() over (order by id) as place
      from first) measured
where bytes <= $3 or place = 1
order by id;
