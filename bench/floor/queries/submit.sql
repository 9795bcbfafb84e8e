-- Question: a job for each payload of $1, in a block of ids of its own, and one row of `ready` for all of them.
with b as materialized (select nextval('job_block') * 1000 as base),
j as (
  insert into job (id, queue, payload)
  select base + ord, 1, p::jsonb from b, unnest($1::text[]) with ordinality q (p, ord))
insert into ready (queue, first_id, next_id, last_id)
select 1, base + 1, base + 1, base + cardinality($1::text[]) from b
