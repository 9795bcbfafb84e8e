-- Forgets, after job $1, what jobs have heard that have ended.
-- Index  heard_pkey; the outcome's key, one step back in its block.
-- Locks  the rows.
-- Gives  how many rows, and, when the page of 1,000 is full, its last job.
with page as materialized (
    select job, name, key from heard where job > $1 order by job limit 1000
),
gone as (
    delete from heard
    using page
    where heard.job = page.job and heard.name = page.name and heard.key = page.key
      and exists (
          select from (select last_id from outcome
                       where first_id <= page.job and first_id >= page.job / 1000 * 1000
                       order by first_id desc limit 1) near
          where near.last_id >= page.job)
    returning 1
)
select (select count(*) from gone) as "rows!", (select max(job) from page having count(*) = 1000) as "last?";
