-- Notes that a batch has ended, beside whoever ended it otherwise than by its last settlement: cancelled, failed.
-- Index  batch_pkey; tally_batch; notice_of_batch.
-- Locks  the new row; the batch is held already.
-- Gives  one affected row, none where its generation has its notice.
insert into notice (tenant, kind, batch, generation, data)
select batch.tenant, 'batch.finished', batch.id, batch.generation,
       json_build_object('state', batch.state, 'tally', (
           select coalesce(json_object_agg(kind_of.kind, kind_of.n), '{}')
           from (select kind, sum(n)::int8 as n from tally where tally.batch = $1 group by kind) kind_of))::text
from batch
where batch.id = $1 and batch.finished_at is not null
on conflict do nothing;
