-- What is each of these jobs, where does it stand, and how did it end?
-- Index  job_pkey; ready_pkey, later_pkey, held_pkey, outcome_pkey: an extent never leaves its block
--        of 1,000 ids, so one step back inside the block finds the holder or proves it absent;
--        wait_pkey; pause_job, pause_lane. Leases and pauses are few and are read once, those that touch the wanted ids.
-- Locks  none; one snapshot over all holders, so an open job is seen in exactly one of them.
-- Gives  one row a job that exists in this tenant, newest first.
with wanted as (
    select id from unnest($2::bigint[]) as w(id)
),
leased as materialized (
    select l.worker, l.attempt, l.losses, l.journaled, l.claimed_at, l.claim, l.eff,
           lower(r.jobs) as first_id, upper(r.jobs) - 1 as last_id, l.stop
    from lease l
    cross join lateral unnest(l.jobs) as r(jobs)
    where l.jobs && int8range((select min(id) from wanted), (select max(id) from wanted), '[]')
)
select j.id,
       case
           when o.kind is not null then o.kind
           when s.claim is not null then 'running'
           when r.first_id is not null and p.id is not null then 'paused'
           when r.first_id is not null then 'ready'
           when w.job is not null then 'waiting'
           when l.first_id is not null then 'scheduled'
           when h.reason = 'planned' then 'scheduled'
           when h.reason = 'cancelling' then 'waiting'
           when h.reason is not null then h.reason
           else 'unheld'
       end as "state!",
       t.namespace || '.' || t.name || '@' || t.version as "template!",
       n.purpose, n.queue, coalesce(r.lane, j.lane) as "lane!", j.batch, j.member_key, j.object, j.parent, j.redrive_of, j.created_at,
       coalesce(o.attempt, s.attempt, r.attempt, w.attempt, l.attempt, h.attempt, 0::smallint) as "attempt!",
       coalesce(s.losses, r.losses, w.losses, l.losses, h.losses, 0::smallint) as "losses!",
       coalesce(l.run_at, w.due, case when h.reason is null then p.until when h.reason = 'paused' then m.until else h.until end) as "due?",
       r.eff as "ready_since?",
       coalesce(h.reason, case when p.id is not null then 'paused' end) as "held_reason?",
       coalesce(m.who, h.who, p.who) as "held_by?", coalesce(m.why, h.why, p.why) as "held_why?",
       s.worker as "worker?", s.claim as "claim?", s.claimed_at as "claimed_at?",
       coalesce(s.stop @> j.id, false) as "stopping!",
       exists (select 1 from journal e where e.job = j.id) as "journaled!",
       (select coalesce(json_agg(json_build_object('kind', c.kind, 'name', c.name, 'key', c.key) order by c.n), '[]')
        from wait c where c.job = j.id and c.n > 0) as "waits!: sqlx::types::Json<Vec<WaitCause>>",
       o.kind as "outcome?", o.code as "code?", o.fingerprint as "fingerprint?", o.at as "ended_at?",
       case when $3 then o.result end as "result?",
       q.idempotency_key as "idempotency_key?", q.who as "who?", q.start_at as "start_at?",
       coalesce(q.expires_at, j.expires_at) as "expires_at?", q.successor_of as "successor_of?",
       q.tags as "tags?: sqlx::types::Json<BTreeMap<String, String>>"
from wanted
-- Job by job: without statistics of the whole table a join would read all of it.
cross join lateral (select * from job where job.id = wanted.id and job.tenant = $1 offset 0) j
join template_version t on t.id = j.template_version
join lane n on n.id = j.lane
left join request q on q.job = j.id
left join lateral (
    select * from (select * from outcome x where x.first_id <= j.id and x.first_id >= j.id / 1000 * 1000
                   order by x.first_id desc limit 1) near where near.last_id >= j.id) o on true
left join lateral (
    select * from leased x where x.first_id <= j.id and x.last_id >= j.id limit 1) s on true
left join lateral (
    select * from (select * from ready x where x.first_id <= j.id and x.first_id >= j.id / 1000 * 1000
                   order by x.first_id desc limit 1) near where near.last_id >= j.id) r on true
left join lateral (
    select * from (select * from later x where x.first_id <= j.id and x.first_id >= j.id / 1000 * 1000
                   order by x.first_id desc limit 1) near where near.last_id >= j.id) l on true
left join lateral (
    select * from (select * from held x where x.first_id <= j.id and x.first_id >= j.id / 1000 * 1000
                   order by x.first_id desc limit 1) near where near.last_id >= j.id) h on true
left join pause m on m.job = j.id and h.reason = 'paused'
left join lateral (
    select * from lane_pause x where x.lane = r.lane order by x.id limit 1) p on r.first_id is not null
left join wait w on w.job = j.id and w.n = 0
order by j.id desc;
