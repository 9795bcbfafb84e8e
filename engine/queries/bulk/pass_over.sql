-- Leaves a job that is on its way to the next round.
-- Index  bulk_page_pkey.
-- Locks  the page.
update bulk_page set after_id = $3 where bulk = $1 and n = $2 and after_id < $3;
