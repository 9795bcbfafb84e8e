-- The rules that a batch is let go by, and how far it has come by them.
-- Index  batch_pkey; pause_identity.
-- Locks  none.
-- Gives  one row or none; the document only where the batch has no rules of its own yet.
select b.id, b.tenant, b.state, b.release_window as "window!", b.released, b.jobs, b.expected, b.accepted, b.generation,
       b.let_through as staged, b.tokens, b.tokens_at, b.rules, case when b.rules is null then b.document end as document,
       b.tripped, b.tripped_at, b.cancelling_at is not null as "is_cancelling!", b.finished_at is not null as "has_ended!",
       coalesce(b.slot_at, b.created_at + cluster.clock_offset) as "from!",
       (select why from pause where pause.tenant = b.tenant and pause.scope = 'halt' and pause.subject = b.id::text) as halt,
       now() + cluster.clock_offset as "now!"
from batch b cross join cluster
where b.tenant = $1 and b.id = $2;
