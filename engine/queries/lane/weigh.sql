-- Gives the lanes of a batch their weight beside others of their group.
-- Index  lane_batch.
-- Locks  the lanes.
update lane set own_weight = $2 where batch = $1 and batch <> 0 and own_weight <> $2;
