-- Takes a backfill back as far as it has not run: slots are again what they were, and those go that had no row.
-- Index  slot_due, twice: planned slots are few.
-- Locks  the slots, after their schedule.
with gone as (
    delete from slot
    where tenant = $1 and schedule = $2 and state = 'planned' and asked_by is not null and was is null
    returning at
),
back as (
    update slot
    set state = split_part(was, ': ', 1), reason = nullif(substr(was, strpos(was, ': ') + 2), ''),
        was = null, asked_by = null, decided_at = now()
    where tenant = $1 and schedule = $2 and state = 'planned' and asked_by is not null and was is not null
    returning at
)
select (select count(*) from gone) + (select count(*) from back) as "taken_back!";
