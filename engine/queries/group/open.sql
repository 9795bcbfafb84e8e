-- Stores groups and their items, in the flush of the turn that opens them. `group/feed.sql` makes jobs of them.
-- Index  none: new rows.
-- Locks  new rows only.
with opened as (
    insert into child_group (parent, activity, tenant, template_version, priority, within, items, parallel, failed_max, on_close, key, seed)
    select *
    from unnest($1::int8[], $2::int4[], $3::int4[], $4::int4[], $5::int4[], $6::float8[], $7::int4[], $8::int4[], $9::int4[],
                $10::text[], $11::text[], $12::int8[])
)
insert into child_item (parent, activity, n, job, lane, input)
select * from unnest($13::int8[], $14::int4[], $15::int4[], $16::int8[], $17::int4[], $18::text[]);
