-- What was told to this job, and neither taken by its machine, nor refused by the listens with mark $2, nor known
-- to its holder ($3)? With $4 what its children said alone,
-- and what came of contexts that it changed.
-- Index  inbox_pkey; event_pkey.
-- Locks  none.
-- Gives  up to 1,000 letters, oldest first, and no more of them once their texts have eight megabytes; whether there
--        are more. No text: an event that is older than the log.
with page as materialized (
    select inbox.id, inbox.kind, coalesce(inbox.data, event.data) as data, inbox.at
    from inbox
    left join event on event.pos = inbox.event
    where inbox.job = $1 and inbox.kind <> 'order' and inbox.refused is distinct from $2::int8 and inbox.id <> all ($3::int8[])
      and (inbox.kind in ('child', 'context') or not $4::bool)
    order by inbox.id
    limit 1000
),
measured as materialized (
    select page.*,
           coalesce(sum(octet_length(data)) over (order by id rows between unbounded preceding and 1 preceding), 0) as before
    from page
)
select id as "id!", kind as "kind!", data, at + (select clock_offset from cluster) as "at!",
       (select count(*) = 1000 or max(before) >= 8388608 from measured) as "more!"
from measured
where before < 8388608
order by id;
