-- What an idle keeper looks at.
--
-- Keepers ask every second whether something is due, in one statement over the heads of indexes. How far
-- ahead the slots of schedules are written was the one head without an index: with 100,000 schedules an
-- idle engine read them all. It is built inside the transaction: that many take a moment.
create index schedule_ahead on schedule (planned_until) where enabled;

-- And whether this is still the server that it was: a promoted standby continues on another timeline, and
-- a copy that began a life of its own has another identifier. Null until the first keeper looked.
alter table cluster add column system_identifier bigint;
