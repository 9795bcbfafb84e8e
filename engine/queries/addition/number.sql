-- Numbers the rows of an addition behind all that its batch had before; where the number is the key ($3), behind the
-- keys. What is refused later leaves a gap.
-- Index  batch_pkey; left_out_pkey, backwards; batch_name_pkey, once a batch and only where numbers are keys.
-- Locks  the batch, for this statement.
-- Gives  the number of the row before the first; no row for a batch that is closed.
update batch
set row_numbers = $2 + coalesce(row_numbers, greatest(
        members,
        (select n from left_out where left_out.batch = $1 order by n desc limit 1),
        (select max(name::int8) from batch_name where batch_name.batch = $1 and not is_object and $3::bool)))
where id = $1 and opened and closed_at is null
returning row_numbers - $2 as "before!";
