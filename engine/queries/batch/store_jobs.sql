-- Stores a block of planned jobs: their rows, held until release, and their range of ids. Each job stands in
-- the lane of its limits.
-- Index  none.
-- Locks  new rows, after the batch.
with planned as materialized (
    select *
    from unnest($6::int8[], $7::int8[], $8::text[], $9::text[], $10::text[], $3::int4[])
         planned (id, nonce, key, object, input, lane)
),
stored as (
    insert into job (id, tenant, lane, template_version, batch, nonce, member_key, object, input, timeout)
    select id, $2, lane, $4, $1, nonce, key, object, input, $11 from planned
),
extent as materialized (
    select lane, unnest(range_agg(int8range(id, id, '[]'))) as ids from planned group by lane, id / 1000
),
waiting as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, reason)
    select lower(ids), upper(ids) - 1, lane, now() - make_interval(secs => $5::int4), now(), $5, 'planned' from extent
)
insert into batch_range (batch, first_id, last_id)
select $1, lower(ids), upper(ids) - 1
from (select unnest(range_agg(int8range(id, id, '[]'))) as ids from planned group by id / 1000) range;
