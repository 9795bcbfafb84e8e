-- A page of template versions with what their authors wrote, and the aliases that mean them now.
-- Index  template_version_identity (tenant, namespace, name, version); template_alias_pkey for each, whose moves are few.
-- Locks  none.
-- Gives  up to $5 rows after (namespace, name, version) = ($2, $3, $4).
select namespace, name, version, source, array(
    select moved.alias
    from template_alias moved
    where moved.tenant = $1 and moved.namespace = template_version.namespace and moved.name = template_version.name
      and moved.template_version = template_version.id
      and not exists (
          select from template_alias later
          where later.tenant = $1 and later.namespace = moved.namespace and later.name = moved.name
            and later.alias = moved.alias and later.revision > moved.revision
      )
    order by moved.alias
) as "aliases!"
from template_version
where tenant = $1 and (namespace, name, version) > ($2, $3, $4) and position('/' in name) = 0 -- no parts
  and retired_at is null
order by namespace, name, version
limit $5;
