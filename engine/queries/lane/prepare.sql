-- Makes the lanes of a template and of the purposes that name it, or of one purpose: a lane that is made
-- inside somebody's open transaction would keep others waiting, and `submit` runs inside of those.
-- Index  configuration_pkey, template_version_identity; the lane's natural key.
-- Locks  new rows only; writers of the catalogue take turns before they come here.
with purpose as (
    select distinct on (name) name, split_part(document::json ->> 'template', '@', 1) as template
    from configuration
    where tenant = $1 and kind = 'purpose' and ($3::text is null or name = $3)
    order by name, revision desc
),
used as (
    select '' as purpose, $2::text as template where $2 is not null
    union all
    select name, template from purpose where $2 is null or template = $2
)
insert into lane (tenant, queue, grp, purpose, template, capability, batch)
select distinct $1::int4, 'default', $1::text || '/' || coalesce(nullif(served.purpose, ''), used.template),
       served.purpose, used.template, version.capability, 0
from used
join template_version version on version.tenant = $1 and version.namespace = split_part(used.template, '.', 1)
                             and version.name = split_part(used.template, '.', 2)
cross join lateral (select coalesce(nullif(used.purpose, ''), version.purpose) as purpose) served
on conflict do nothing;
