-- Marks a notice told; who does so writes what comes of it in the same transaction.
-- Index  notice_pkey.
-- Locks  the notice; another one who tells it waits, and then finds it told.
-- Gives  one affected row, none where it was told.
update notice set told_at = now() where id = $1 and told_at is null;
