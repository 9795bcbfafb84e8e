-- How many jobs of a batch ended in which way? Kinds that begin with restarted_ take endings back.
-- Index  tally_batch; a duty keeps the tallies of a batch few.
-- Locks  none.
-- Gives  a row a kind.
select kind, sum(n)::int8 as "n!" from tally where batch = $1 group by kind;
