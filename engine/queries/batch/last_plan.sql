-- What a plan is compared with: how many rows it left out, and its configuration's latest batch that came to its end.
-- Index  batch_pkey; batch_configuration (tenant, configuration, id), read backwards; left_out_pkey.
-- Locks  none.
-- Gives  one row.
select (select count(*) from left_out where left_out.batch = mine.id) as "left_out!",
       last.id as "last?", last.members as "last_members?", last.jobs as "last_jobs?",
       last.left_out as "last_left_out?", last.selection_hash as "last_selection?", last.plan_hash as "last_plan?"
from batch mine
left join lateral (
    select * from batch
    where batch.tenant = mine.tenant and batch.configuration = mine.configuration and batch.id < mine.id
      and batch.state in ('completed', 'completed_with_errors')
    order by batch.id desc
    limit 1
) last on true
where mine.id = $1;
