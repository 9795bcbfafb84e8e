-- Which batches does nobody wait for any more: their step has said so, or their parent has ended? One that is being
-- cancelled needs nothing until it has ended.
-- Index  child_batch_open; batch_pkey; the outcome's key, one step back in its block.
-- Locks  none.
-- Gives  up to 100, the oldest first, and whether they are to be cancelled: the rest is to be forgotten.
select child_batch.batch, child_batch.parent, batch.tenant,
       child_batch.on_close = 'cancel' and batch.finished_at is null as "cancel!"
from child_batch
join batch on batch.id = child_batch.batch
where not child_batch.over
  and (child_batch.on_close <> 'cancel' or batch.cancelling_at is null or batch.finished_at is not null)
  and (child_batch.closing_at is not null and batch.finished_at is null
       or exists (
           select from (select last_id from outcome
                        where first_id <= child_batch.parent and first_id >= child_batch.parent / 1000 * 1000
                        order by first_id desc limit 1) near
           where near.last_id >= child_batch.parent))
order by child_batch.batch
limit 100;
