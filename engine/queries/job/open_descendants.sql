-- Which jobs did this one start that are still open, and that end with it? The deepest first, so that none
-- outlives the one that it works for. What goes on alone ($3: a kill) or is waited for (a cancel) is left out,
-- with all that it started.
-- Index  job_parent; child_pkey; the outcome's key, one step back in its block.
-- Locks  none.
-- Gives  up to 1,000 ids, 16 levels down.
with recursive tree as (
    select job.id, 1 as depth from job
    where job.parent = $2 and job.tenant = $1
      -- counted, so that it is looked up for each and not made for all
      and (select count(*) from child
           where child.job = job.id and (child.on_close = 'abandon' or child.on_close = 'wait' and not $3)) = 0
    union all
    select job.id, tree.depth + 1
    from tree
    cross join lateral (select id from job where parent = tree.id offset 0) job
    where tree.depth < 16
      and (select count(*) from child
           where child.job = job.id and (child.on_close = 'abandon' or child.on_close = 'wait' and not $3)) = 0
)
select tree.id as "id!"
from tree
where not exists (
    select from (
        select last_id from outcome
        where first_id <= tree.id and first_id > tree.id - 1000
        order by first_id desc limit 1
    ) nearest
    where nearest.last_id >= tree.id
)
order by tree.depth desc, tree.id
limit 1000;
