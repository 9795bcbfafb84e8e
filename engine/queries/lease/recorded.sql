-- Which of these entries of unknown fate did land? Ours bear our claim, in the journal or the outcome.
-- Index  journal_pkey, outcome's key (alike endings share a row, so one step back finds it).
-- Locks  none.
select asked.job as "job!"
from unnest($1::int8[], $2::int4[], $3::uuid[]) asked (job, seq, claim)
where (asked.seq is not null and exists (
          select from journal where journal.job = asked.job and journal.seq = asked.seq and journal.claim = asked.claim))
   or (asked.seq is null and exists (
          select from (
              select last_id, claim from outcome
              where first_id <= asked.job and first_id > asked.job - 1000
              order by first_id desc limit 1
          ) nearest
          where nearest.last_id >= asked.job and nearest.claim = asked.claim));
