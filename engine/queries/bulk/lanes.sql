-- The lanes of a filter, the newest job, and the time.
-- Index  job_tenant, backwards; lanes are few.
-- Locks  none.
-- Gives  one row.
select array(
           select id from lane
           where tenant = $1
             and ($2::text is null or template = $2)
             and ($3::text is null or purpose = $3)
             and ($4::text is null or grp = $4)
             and ($5::int8 is null or batch = $5)
           order by id) as "lanes!",
       (select coalesce(max(job.id), 0) from job where job.tenant = $1) as "newest!",
       now() as "now!";
