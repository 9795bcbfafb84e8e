-- The version that this reference names, usable or not.
-- Index  template_version_identity.
-- Locks  none.
-- Gives  one row or none.
select id, namespace, name, version, hash, title, semantics, journaled, capability, purpose, lane_expression, created_at, deprecated_at, retired_at
from template_version
where tenant = $1 and namespace = $2 and name = $3 and version = $4;
