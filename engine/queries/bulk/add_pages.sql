-- Adds the next jobs of a change, a hundred a page.
-- Index  none: it inserts.
-- Locks  new rows only.
insert into bulk_page (bulk, n, todo, size, remaining)
select $1, $2::int4 + (place - 1) / 100, range_agg(int8range(id, id, '[]')), count(*), count(*)
from unnest($3::int8[]) with ordinality given (id, place)
group by (place - 1) / 100;
