-- What was told to jobs, after job $1, that have ended and will not read it?
-- Index  inbox_pkey; the outcome's key, one step back in its block.
-- Locks  none.
-- Gives  a row a letter of a page of 1,000, each with the last job of a full page.
with page as materialized (
    select job, id, kind, name, key, signal from inbox where job > $1 order by job, id limit 1000
)
select page.job as "job!", page.id as "id!", page.name, page.key, page.signal,
       (select max(job) from page having count(*) = 1000) as "last?",
       (select lane.tenant from job join lane on lane.id = job.lane where job.id = page.job) as "tenant?",
       exists (
           select from (select last_id from outcome
                        where first_id <= page.job and first_id >= page.job / 1000 * 1000
                        order by first_id desc limit 1) near
           where near.last_id >= page.job) as "over!"
from page;
