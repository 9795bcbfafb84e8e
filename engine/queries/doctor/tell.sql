-- Tells what the tallies of batches lack, or takes back what they tell too much.
-- Index  none.
-- Locks  new rows, under the check's lock: two doctors take turns.
insert into tally (batch, kind, n)
select batch, kind, n from unnest($1::int8[], $2::text[], $3::int8[]) as told (batch, kind, n);
