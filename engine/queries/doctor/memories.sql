-- Which jobs with ids from $1 to $2 would begin anew although they have a journal? A lease keeps what it
-- knew at the claim, so leased jobs are left out.
-- Index  ready_pkey, later_pkey, held_pkey by range; journal_pkey.
-- Locks  none; one snapshot.
-- Gives  one row or none: how many, and the first $3 of them.
with extent as materialized (
    select first_id, last_id, 'ready' as place from ready where first_id between $1 and $2 and not journaled
    union all
    select first_id, last_id, 'later' from later where first_id between $1 and $2 and not journaled
    union all
    select first_id, last_id, 'held' from held where first_id between $1 and $2 and not journaled
),
wrong as (
    select distinct journal.job as id, extent.place as detail
    from extent join journal on journal.job >= extent.first_id and journal.job <= extent.last_id
)
select 'journal_forgotten' as "code!", count(*) as "found!",
       (array_agg('j_' || id order by id))[1:$3::int4] as "subjects!",
       (array_agg(detail order by id))[1:$3::int4] as "details!"
from wrong
having count(*) > 0;
