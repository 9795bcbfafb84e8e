-- Frees effects of which nothing came, and notes those that have not begun though their turn is durable. Only
-- whoever has an effect can say so. Those that the same flush takes are locked here too, for the order.
-- Index  request_key_pkey.
-- Locks  the keys, in order.
-- Gives  how many.
with said as materialized (
    select * from unnest($1::int4[], $2::text[], $3::int8[], $4::bytea[], $5::text[]) said (tenant, key, job, step, word)
),
locked as materialized (
    select said.word, said.job as by, said.step, request_key.tenant, request_key.key, request_key.job, request_key.hash
    from said
    join request_key on request_key.tenant = said.tenant and request_key.scope = 'effect' and request_key.key = said.key
    order by request_key.tenant, request_key.key
    for update of request_key
),
freed as (
    delete from request_key using locked
    where locked.word = 'free' and locked.job = locked.by and locked.hash = locked.step
      and request_key.tenant = locked.tenant and request_key.scope = 'effect' and request_key.key = locked.key
    returning 1
),
marked as (
    update request_key set unbegun = true from locked
    where locked.word = 'mark' and locked.job = locked.by and locked.hash = locked.step
      and request_key.tenant = locked.tenant and request_key.scope = 'effect' and request_key.key = locked.key
    returning 1
)
select (select count(*) from freed) + (select count(*) from marked) as "keys!";
