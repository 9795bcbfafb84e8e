-- What a revision of the purpose says that the jobs of a lane were asked for by.
-- Index  lane_pkey; configuration_pkey.
-- Locks  none: neither ever changes.
-- Gives  one row or none.
select configuration.document
from lane
join configuration on configuration.tenant = lane.tenant and configuration.kind = 'purpose'
                  and configuration.name = lane.purpose and configuration.revision = $2
where lane.id = $1;
