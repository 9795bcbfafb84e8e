-- A job's journal as far back as it reads under its present version, and at most the last $2 entries: from the
-- head that it then begins with, if it does not begin with the first entry.
-- Index  journal_pkey, head_pkey.
-- Locks  none: entries are never changed.
with reach as materialized (
    select coalesce(max(seq), 0) - $2 as oldest, coalesce(max(seq) filter (where kind = 'migrated'), 0) as moved
    from journal where job = $1
),
start as materialized (
    select head.seq, head.fold, head.state
    from reach join head on head.job = $1 and head.seq >= greatest(reach.moved, reach.oldest)
    where greatest(reach.moved, reach.oldest) > 0
    order by head.seq limit 1
)
select start.seq as "seq!", ''::text as "kind!", null::timestamptz as "at?", null::text as "data?",
       start.fold as "fold?", start.state as "state?"
from start
union all
(select journal.seq, journal.kind, journal.at, journal.data, null, null
 from journal
 where journal.job = $1 and journal.seq > coalesce((select seq from start), 0)
 order by journal.seq);
