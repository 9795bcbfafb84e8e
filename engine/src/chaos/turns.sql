-- Under which claims was each journal of this round written?
-- Index  journal_pkey.
-- Locks  none.
-- Gives  a row a turn, in order.
select journal.job, journal.seq, journal.claim
from journal
where not exists (select from chaos.judged where judged.job = journal.job)
order by journal.job, journal.seq;
