-- What an alias meant and means, newest first: who moved it, and when.
-- Index  template_alias_pkey backwards, then template_version_pkey.
-- Locks  none.
-- Gives  up to $5 rows.
select moved.alias, version.version, moved.revision, moved.who, moved.at
from template_alias moved
join template_version version on version.id = moved.template_version
where moved.tenant = $1 and moved.namespace = $2 and moved.name = $3 and moved.alias = $4
order by moved.revision desc
limit $5;
