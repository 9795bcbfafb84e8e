-- Says which version an alias means from now on, unless it means that one already. What it meant before stays behind it.
-- Index  template_alias_pkey backwards.
-- Locks  none beside the new row: who writes the catalogue has its row (`template/note_change`), so revisions go up one by one.
-- Gives  nothing.
insert into template_alias (tenant, namespace, name, alias, revision, template_version, who)
select $1, $2, $3, $4, coalesce(before.revision, 0) + 1, $5, $6
from (values (1)) one
left join lateral (
    select revision, template_version
    from template_alias
    where tenant = $1 and namespace = $2 and name = $3 and alias = $4
    order by revision desc
    limit 1
) before on true
where before.template_version is distinct from $5;
