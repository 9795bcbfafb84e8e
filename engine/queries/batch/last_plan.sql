-- What a plan is compared with: how many rows it left out and why, and its configuration's latest batch that came to its end.
-- Index  batch_pkey; batch_configuration (tenant, configuration, id), read backwards; left_out_pkey.
-- Locks  none.
-- Gives  one row.
select gone.duplicate as "duplicate!", gone.invalid as "invalid!",
       last.id as "last?", last.members as "last_members?", last.jobs as "last_jobs?",
       last.left_out as "last_left_out?", last.selection_hash as "last_selection?", last.plan_hash as "last_plan?"
from batch mine
cross join lateral (
    select count(*) filter (where reason = 'duplicate') as duplicate, count(*) filter (where reason <> 'duplicate') as invalid
    from left_out
    where left_out.batch = mine.id
) gone
left join lateral (
    select * from batch
    where batch.tenant = mine.tenant and batch.configuration = mine.configuration and batch.id < mine.id
      and batch.state in ('completed', 'completed_with_errors')
    order by batch.id desc
    limit 1
) last on true
where mine.id = $1;
