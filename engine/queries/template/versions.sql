-- Every version of one template.
-- Index  template_version_identity (tenant, namespace, name).
-- Locks  none.
-- Gives  newest first, up to $4.
select id, namespace, name, version, hash, title, semantics, journaled, capability, purpose, lane_expression, created_at, deprecated_at, retired_at
from template_version
where tenant = $1 and namespace = $2 and name = $3
order by rank desc, id desc
limit $4;
