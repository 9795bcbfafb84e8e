-- A page of templates, each with its newest version.
-- Index  template_version_identity (tenant, namespace, name); templates are hundreds, not millions.
-- Locks  none.
-- Gives  up to $4 rows after (namespace, name) = ($2, $3).
select distinct on (namespace, name)
       id, namespace, name, version, hash, title, semantics, journaled, capability, purpose, lane_expression, created_at, deprecated_at, retired_at
from template_version
where tenant = $1 and (namespace, name) > ($2, $3) and position('/' in name) = 0 -- no parts
order by namespace, name, (deprecated_at is null and retired_at is null) desc, rank[4] desc, rank desc, id desc
limit $4;
