-- The batch of the same configuration that ended before this one.
-- Index  batch_configuration (tenant, configuration, id), read backwards; child_batch_pkey.
-- Locks  none.
-- Gives  one row or none.
select b.id, b.name, b.configuration, b.revision, b.state, b.strategy, b.template_version,
       t.namespace || '.' || t.name || '@' || t.version as "template!",
       b.purpose, b.lane, b.priority, b.schedule, b.slot_at, b.context, b.generation, b.category_version,
       c.name as "category?", b.members, b.jobs, b.chunks, b.left_out, b.selection_hash, b.plan_hash,
       b.sealed, b.expected, b.released, b.release_window, b.reason, b.created_by,
       b.asks, b.asking, b.ask_until, b.approved_by, b.approved_at, b.created_at, b.planned_at, b.released_at, b.started_at, b.cancelling_at, b.finished_at, b.opened, b.closed_at, b.added, k.parent as "parent?",
       (select coalesce(json_object_agg(s.kind, s.n), '{}')
        from (select x.kind, sum(x.n)::bigint as n from tally x where x.batch = b.id group by x.kind) s)
       as "tally!: sqlx::types::Json<BTreeMap<String, i64>>"
from batch b
join template_version t on t.id = b.template_version
left join category c on c.id = b.category
left join child_batch k on k.batch = b.id
where b.tenant = $1 and b.configuration = $2 and b.id < $3 and b.finished_at is not null
order by b.id desc
limit 1;
