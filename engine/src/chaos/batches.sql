-- Do the totals of each batch equal what became of its jobs?
-- Index  tally_batch; outcome and held are read whole, they hold the rounds of one chaos run.
-- Locks  none; one snapshot.
-- Gives  a row a batch.
select batch.id, batch.name, batch.state, batch.expected,
       (select count(*) from job where job.batch = batch.id) as jobs,
       coalesce((select sum(n) from tally where tally.batch = batch.id and kind <> 'chunk_members'), 0)::int8 as settled,
       coalesce((select sum(n) from tally where tally.batch = batch.id and kind = 'completed'), 0)::int8 as completed_told,
       coalesce((select sum(last_id - first_id + 1) from outcome where outcome.batch = batch.id), 0)::int8 as outcomes,
       coalesce((select sum(last_id - first_id + 1) from outcome
                 where outcome.batch = batch.id and kind = 'completed'), 0)::int8 as completed
from batch
order by batch.id;
