-- The version that an alias means now, usable or not.
-- Index  template_alias_pkey backwards, then template_version_pkey.
-- Locks  none.
-- Gives  one row or none.
select version.id, version.namespace, version.name, version.version, hash, title, semantics, journaled, capability, purpose, lane_expression,
       created_at, deprecated_at, retired_at
from (
    select template_version
    from template_alias
    where tenant = $1 and namespace = $2 and name = $3 and alias = $4
    order by revision desc
    limit 1
) meant
join template_version version on version.id = meant.template_version;
