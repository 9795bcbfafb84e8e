-- Stores requests of which nothing is said beside the input, as jobs that are due: the caller has put
-- their ids into extents, so nothing is sorted, grouped or looked for here.
-- Index  none.
-- Locks  new rows only, and the notification queue where $12 says what this commit tells listeners.
-- Gives  the time of the jobs; no row, and nothing is stored, when names may mean something else by
--        now: $6 is not the catalogue's stamp.
with fresh as materialized (
    select now() as at where $6::int8 is null or $6 = (select stamp from catalogue)
),
stored as (
    insert into job (id, tenant, lane, template_version, nonce, input)
    select new.id, $1, new.lane, new.template_version, new.nonce, new.input
    from unnest($2::int8[], $3::int4[], $4::int4[], $5::int8[], $7::text[]) new (id, lane, template_version, nonce, input)
    where exists (select from fresh)
),
due as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority)
    select new.first_id, new.last_id, new.lane, fresh.at - make_interval(secs => new.priority), fresh.at, new.priority
    from unnest($8::int8[], $9::int8[], $10::int4[], $11::int4[]) new (first_id, last_id, lane, priority)
    cross join fresh
)
select at as "at!", case when $12::text is not null then pg_notify('windlass_work', $12)::text end as told from fresh;
