-- Ends what jobs ask that somebody ended from outside, and deletes requests of jobs that are gone; a page a pass.
-- Index  approval_pkey; job_pkey; the outcome's key, one step back in its block.
-- Locks  the rows, skip locked.
-- Gives  how many rows it changed; the last of a full page.
with page as materialized (
    select id, job, ended_at from approval where id > $1 order by id limit 1000
),
over as materialized (
    select page.id, coalesce((select true from job where job.id = page.job limit 1), false) as is_there
    from page
    where exists (
        select from (select last_id from outcome
                     where first_id <= page.job and first_id >= page.job / 1000 * 1000
                     order by first_id desc limit 1) near
        where near.last_id >= page.job)
       or (select true from job where job.id = page.job limit 1) is null
),
locked as materialized (
    select approval.id, over.is_there
    from over
    join approval on approval.id = over.id
    where approval.ended_at is null or not over.is_there
    for update of approval skip locked
),
ended as (
    update approval set ended_at = now() + (select clock_offset from cluster)
    from locked
    where approval.id = locked.id and locked.is_there
    returning 1
),
gone as (
    delete from approval using locked where approval.id = locked.id and not locked.is_there returning 1
)
select (select count(*) from ended) + (select count(*) from gone) as "rows!",
       (select max(id) from page having count(*) = 1000) as "last?";
