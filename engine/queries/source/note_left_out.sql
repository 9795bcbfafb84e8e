-- Keeps what the source of a batch had and the plan has not: it stays when the source's rows go.
-- Index  source_row_pkey (batch, n).
-- Locks  the new rows.
-- Gives  as many affected rows as were left out.
insert into left_out (batch, n, key, reason)
select batch, n, key, left_out from source_row where batch = $1 and left_out is not null;
