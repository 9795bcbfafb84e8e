-- What do people want of this job or of its lane that has not come true yet?
-- Index  intent_job, intent_lane.
-- Locks  none.
-- Gives  the intents of the job first, then those of its lane.
select i.verb, i.who, i.why, i.at, (i.lane is not null) as "whole_lane!"
from intent i
where i.job = $1 or i.lane = $2
order by i.lane nulls first, i.id;
