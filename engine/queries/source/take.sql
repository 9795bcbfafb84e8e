-- The oldest batch whose source outside is to be read becomes $1's to read, for $2 seconds.
-- Index  batch_outside_open (id): batches whose source is not read yet are few; batch_pkey.
-- Locks  the batch, or none where another reader is at it.
-- Gives  one row or none: what is read, how far it is, and how often reading began without getting on.
with next as materialized (
    select id
    from batch
    where outside is not null and not gathered and finished_at is null and state = 'planning'
      and coalesce(source_until, '-infinity') <= now()
    order by id
    limit 1
    for update skip locked
)
update batch
set source_claim = $1, source_until = now() + make_interval(secs => $2), source_tries = source_tries + 1, staged = true
from next
where batch.id = next.id
returning batch.id, tenant, document, purpose_input, slot_at, slot_previous, created_at, source_cursor, source_n,
          source_tries;
