-- Takes slots out of a row that stands for many: what is left before them ends at $4 and is $5, what is left behind them is
-- $9 from $7 on. Either is nothing where the instant is null. Who is to be told of the row is told of the first part.
-- Index  slot_pkey (tenant, schedule, at).
-- Locks  the slot, after its schedule; the new row.
with whole as materialized (
    select * from slot where tenant = $1 and schedule = $2 and at = $3 and until is not null
),
before as (
    update slot
    set until = $4, n = $5, covers = jsonb_build_array(slot.covers::jsonb -> 0, $6::text)::text
    where tenant = $1 and schedule = $2 and at = $3 and until is not null and $4::timestamptz is not null
),
gone as (
    delete from slot
    where tenant = $1 and schedule = $2 and at = $3 and until is not null and $4::timestamptz is null
)
insert into slot (tenant, schedule, at, fire_at, until, n, covers, state, reason, revision, zone_data, decided_at,
                  start_by, finish_by, not_started_at, not_finished_at)
select tenant, schedule, $7, $8, until, $9, jsonb_build_array($10::text, covers::jsonb -> -1)::text, state, reason, revision,
       zone_data, decided_at,
       case when $4 is null then start_by end, case when $4 is null then finish_by end,
       case when $4 is null then not_started_at end, case when $4 is null then not_finished_at end
from whole
where $7::timestamptz is not null;
