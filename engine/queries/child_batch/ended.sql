-- Which batches are over of which their jobs were not told, and how did they end?
-- Index  child_batch_open; batch_pkey; tally_batch.
-- Locks  none.
-- Gives  up to 100, the oldest first.
select child_batch.batch, child_batch.parent, child_batch.failed_max, child_batch.failed_percent,
       batch.state, batch.reason, batch.members, batch.jobs,
       (select coalesce(json_object_agg(told.kind, told.n), '{}')
        from (select tally.kind, sum(tally.n)::bigint as n from tally where tally.batch = batch.id group by tally.kind) told)
       as "tally!: sqlx::types::Json<BTreeMap<String, i64>>"
from child_batch
join batch on batch.id = child_batch.batch
where not child_batch.over and batch.finished_at is not null
order by child_batch.batch
limit 100;
