-- Which children, after job $1, have ended without their parents having been told? Their worker tells, and this
-- finds those that somebody else ended.
-- Index  child_pkey; the outcome's key, one step back in its block.
-- Locks  none.
-- Gives  a row a page of 1,000 children: the ended ones, their parents, and, when it is full, the last one.
with page as materialized (
    select job, parent from child where job > $1 order by job limit 1000
),
ended as (
    select page.job, page.parent
    from page
    where exists (
        select from (select last_id from outcome
                     where first_id <= page.job and first_id >= page.job / 1000 * 1000
                     order by first_id desc limit 1) near
        where near.last_id >= page.job)
)
select array(select job from ended order by job) as "jobs!", array(select parent from ended order by job) as "parents!",
       (select max(job) from page having count(*) = 1000) as "last?";
