-- Every check, as it was last made.
-- Index  none; a row a check.
-- Locks  none.
select name, begun_at, checked_at, seconds, cursor_id, findings as "findings: Json<Vec<Finding>>",
       found_so_far as "found_so_far: Json<Vec<Finding>>", unfinished
from doctor_check
order by name;
