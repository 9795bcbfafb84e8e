-- Ends contexts: all of these, or with $5 those whose time is over. Its caller has met all others who change them.
-- Index  context_pkey.
-- Locks  the contexts, which nobody else changes; new rows.
-- Gives  how many ended.
with gone as (
    delete from context
    using unnest($1::int4[], $2::text[]) ended (tenant, key)
    where context.tenant = ended.tenant and context.key = ended.key
      and (context.expires_at <= now() or not $5::bool)
    returning context.tenant, context.key, context.version
),
changed as (
    insert into context_change (tenant, key, version, kind, who)
    select tenant, key, version + 1, $3::text, $4::text from gone
)
select count(*) as "contexts!" from gone;
