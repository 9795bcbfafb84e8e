-- What did each lease and outcome of this round go through?
-- Index  history_pkey; entries of judged rounds were deleted.
-- Locks  none.
-- Gives  entries in their order.
select seq, (extract(epoch from at) * 1000000)::int8 as at_us, job, claim, what
from chaos.history
order by seq;
