-- Every alias of a template with what it means now.
-- Index  template_alias_pkey; a template has a few aliases, each was moved some times. Then template_version_pkey.
-- Locks  none.
-- Gives  up to $4 rows by name.
select meant.alias, version.version, meant.revision, meant.who, meant.at
from (
    select distinct on (alias) alias, template_version, revision, who, at
    from template_alias
    where tenant = $1 and namespace = $2 and name = $3
    order by alias, revision desc
) meant
join template_version version on version.id = meant.template_version
order by meant.alias
limit $4;
