-- The next jobs that stand in one of the places of a filter, in its lanes, in order of id.
-- Index  wait_pkey, held_pkey, ready_pkey, later_pkey: each walked from $4 on; held_parked for a fingerprint; job_pkey.
-- Locks  none.
-- Gives  one row: ids, and the last id that was walked over; null at the end. It walks over 1,000 rows of each place,
--        whether they fit or not, and gives extents of 20,000 jobs at most, and one.
-- A plan for all places: conditions on parameters alone decide, before a branch begins, whether it runs.
with extent as materialized (
    (select job as first_id, job as last_id, lane, true as fits
     from wait
     where $6::bool and n = 0 and job > $4 and job <= $5
     order by job limit 1000)
    union all
    (select first_id, last_id, lane, reason = any ($7::text[])
     from held
     where $8::text is null and cardinality($7::text[]) > 0 and first_id > $4 and first_id <= $5
     order by first_id limit 1000)
    union all
    (select first_id, last_id, lane, true
     from held
     where $8 is not null and reason = 'parked' and coalesce(fingerprint, '') = $8 and first_id > $4 and first_id <= $5
     order by first_id limit 1000)
    union all
    (select first_id, last_id, lane, true
     from ready
     where $9::bool and first_id > $4 and first_id <= $5
     order by first_id limit 1000)
    union all
    (select first_id, last_id, lane, true
     from later
     where $10::bool and first_id > $4 and first_id <= $5
     order by first_id limit 1000)
),
walked as materialized (
    select first_id, last_id, lane, fits,
           sum(case when fits then last_id - first_id + 1 else 0 end) over (order by first_id) as jobs
    from (select * from extent order by first_id limit 1000) nearest
),
page as materialized (
    select first_id, last_id, lane, fits from walked where jobs - (last_id - first_id + 1) < 20000
)
select array(
           select job.id
           from page join job on job.id between page.first_id and page.last_id
           where page.fits and page.lane = any ($2::int4[]) and job.tenant = $1
             and ($3::int4 is null or job.template_version = $3)
           order by job.id) as "ids!",
       (select max(last_id) from page) as reach;
