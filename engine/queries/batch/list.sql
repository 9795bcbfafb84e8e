-- A page of batches.
-- Index  batch_tenant (tenant, id), read backwards; tally_batch once a row; child_batch_pkey; pause_lane.
-- Locks  none.
-- Gives  up to $3 rows before id $2, newest first.
select b.id, b.name, b.configuration, b.revision, case when p.why is null then b.state else 'paused' end as "state!", b.strategy, b.template_version,
       t.namespace || '.' || t.name || '@' || t.version as "template!",
       b.purpose, b.lane, b.priority, b.schedule, b.slot_at, b.context, b.generation, b.category_version,
       c.name as "category?", b.members, b.jobs, b.chunks, b.left_out, b.selection_hash, b.plan_hash,
       b.sealed, b.expected, b.released, b.release_window, coalesce(p.why, b.reason) as "reason?", b.created_by,
       b.asks, b.asking, b.ask_until, b.approved_by, b.approved_at, b.created_at, b.planned_at, b.released_at, b.started_at, b.cancelling_at, b.finished_at, b.opened, b.closed_at, b.added, k.parent as "parent?",
       (select coalesce(json_object_agg(s.kind, s.n), '{}')
        from (select x.kind, sum(x.n)::bigint as n from tally x where x.batch = b.id group by x.kind) s)
       as "tally!: sqlx::types::Json<BTreeMap<String, i64>>"
from batch b
join template_version t on t.id = b.template_version
left join category c on c.id = b.category
left join child_batch k on k.batch = b.id
left join lateral (
    select case when x.scope = 'halt' then x.why else 'by ' || x.who || coalesce(': ' || nullif(x.why, ''), '') end as why
    from lane_pause x where x.lane = b.lane order by x.id limit 1) p on b.finished_at is null
where b.tenant = $1 and b.id < $2
order by b.id desc
limit $3;
