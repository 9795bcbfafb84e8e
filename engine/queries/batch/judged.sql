-- The same batch once it is locked, as `to_judge.sql` gives it.
-- Index  batch_pkey; tally_batch; redrive_restart, redrive_of_batch, redrive_running.
-- Locks  none: the batch is locked.
-- Gives  one row or none.
select b.id, b.state, b.sealed and (not b.opened or b.closed_at is not null) as "sealed!", b.expected, b.accepted, b.tripped, b.rules as "rules!",
       exists (select from redrive
               where redrive.batch = b.id and redrive.generation is not null and redrive.state = 'running') as "is_restarting!",
       exists (select from redrive where redrive.batch = b.id and redrive.state = 'running') as "is_redriven!",
       (select coalesce(json_object_agg(told.kind, told.n), '{}')
        from (select kind, sum(n)::int8 as n from tally where tally.batch = b.id group by kind) told)
       as "tally!: sqlx::types::Json<BTreeMap<String, i64>>"
from batch b
where b.id = $1 and b.judged and b.finished_at is null and b.cancelling_at is null;
