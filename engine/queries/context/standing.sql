-- Where do these contexts stand? Whoever asks to change them has met all others who do (`mail/meet.sql`).
-- Index  context_pkey, context_change_pkey.
-- Locks  none.
-- Gives  a row each: the last version of its key, 0 if it never had one, and no document where there is none now.
select wanted.tenant as "tenant!", wanted.key as "key!", now() as "now!",
       coalesce(context.version,
                (select max(version) from context_change where tenant = wanted.tenant and key = wanted.key),
                0) as "version!",
       case when coalesce(context.expires_at > now(), true) then context.document end as "document?",
       context.subject as "subject?", context.expires_at as "expires_at?"
from unnest($1::int4[], $2::text[]) wanted (tenant, key)
left join context on context.tenant = wanted.tenant and context.key = wanted.key;
