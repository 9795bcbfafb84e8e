-- Gives the lanes of a batch so many times their share.
-- Index  lane_batch.
-- Locks  the lanes.
update lane set weight = $2 where batch = $1 and batch <> 0 and weight <> $2;
