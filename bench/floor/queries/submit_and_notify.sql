-- Question: one job with the payload $1, ready, and a notification once it is durable.
with b as materialized (select nextval('job_block') * 1000 as base),
j as (insert into job (id, queue, payload) select base + 1, 1, $1::text::jsonb from b),
r as (
  insert into ready (queue, first_id, next_id, last_id)
  select 1, base + 1, base + 1, base + 1 from b returning first_id)
select pg_notify('floor_ready', '') from r
