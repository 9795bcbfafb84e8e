-- Deletes events that started their job, or that others have pushed out.
-- Index  gathering_pkey.
-- Locks  the rows, after their schedule.
delete from gathering where tenant = $1 and schedule = $2 and first_pos = any ($3::int8[]);
