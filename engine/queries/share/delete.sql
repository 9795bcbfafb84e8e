-- Gives a group or queue back to weight 1 without bounds.
-- Index  share_pkey.
-- Locks  the row.
delete from share where tenant = $1 and kind = $2 and name = $3;
