-- Everything a job remembers: its newest head, if any, and the turns after it.
-- Index  head_pkey, journal_pkey.
-- Locks  none: only the job's holder writes here, and that is who asks.
with newest as materialized (
    select seq, fold, state from head where job = $1 order by seq desc limit 1
)
select newest.seq as "seq!", ''::text as "kind!", null::timestamptz as "at?", null::text as "data?",
       newest.fold as "fold?", newest.state as "state?"
from newest
union all
(select journal.seq, journal.kind, journal.at, journal.data, null, null
 from journal
 where journal.job = $1 and journal.seq > coalesce((select seq from newest), 0)
 order by journal.seq);
