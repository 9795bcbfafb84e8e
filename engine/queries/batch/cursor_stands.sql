-- Whether a plan's cursor is where a planner believes it to be.
-- Index  batch_pkey.
-- Locks  none.
-- Gives  one row.
select exists (
    select from batch where id = $1 and state = 'planning' and cursor_n = $2
) as "stands!";
