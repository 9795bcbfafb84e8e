-- The newest usable version: neither deprecated nor retired, a release before any pre-release.
-- Index  template_version_identity (tenant, namespace, name); a template has few versions.
-- Locks  none.
-- Gives  one row or none.
select id, namespace, name, version, hash, title, semantics, journaled, capability, purpose, lane_expression, created_at, deprecated_at, retired_at
from template_version
where tenant = $1 and namespace = $2 and name = $3
  and deprecated_at is null and retired_at is null
order by rank[4] desc, rank desc, id desc
limit 1;
