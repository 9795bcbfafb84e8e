-- What became of the jobs that a breaker let go in this round? Bad is what failed or parked with its
-- fingerprint, or in any way when it has none. Good is what ended otherwise, rests, or has run for $5
-- seconds without failing; a try that waited so long for the next one is bad. What a person stopped says
-- nothing.
-- Index  breaker_probe_pkey; outcome's, held's, later's and wait's keys, one step back in their block;
--        ready_pkey.
-- Locks  the probes, under the breaker's row.
-- Gives  one row: how many are open and good, and the first bad one.
with probe as materialized (
    select job, verdict, at
    from breaker_probe
    where breaker_probe.tenant = $1 and breaker_probe.template = $2 and breaker_probe.round = $3
    order by job
),
seen as materialized (
    select probe.job,
           coalesce(probe.verdict, case
               when ended.kind in ('failed', 'expired') then
                   case when $4::text is null or ended.fingerprint is not distinct from $4 then 'bad' else 'good' end
               when ended.kind = 'completed' then 'good'
               when ended.kind is not null then 'void'
               when stopped.reason = 'parked' then
                   case when $4 is null or stopped.fingerprint is not distinct from $4 then 'bad' else 'good' end
               when stopped.reason is not null then 'void'
               when exists (select from wait where wait.job = probe.job and wait.n = 0) then 'good'
               when probe.at > now() - make_interval(secs => $5) then null
               when again.first_id is not null then 'bad'
               when due.first_id is null then 'good'
           end) as verdict
    from probe
    left join lateral (
        select near.kind, near.fingerprint from (
            select outcome.kind, outcome.fingerprint, outcome.last_id from outcome
            where outcome.first_id <= probe.job and outcome.first_id >= probe.job / 1000 * 1000
            order by outcome.first_id desc limit 1) near
        where near.last_id >= probe.job
    ) ended on true
    left join lateral (
        select near.reason, near.fingerprint from (
            select held.reason, held.fingerprint, held.last_id from held
            where held.first_id <= probe.job and held.first_id >= probe.job / 1000 * 1000
            order by held.first_id desc limit 1) near
        where near.last_id >= probe.job
    ) stopped on true
    left join lateral (
        select near.first_id from (
            select later.first_id, later.last_id from later
            where later.first_id <= probe.job and later.first_id >= probe.job / 1000 * 1000
            order by later.first_id desc limit 1) near
        where near.last_id >= probe.job
    ) again on true
    left join lateral (
        select near.first_id from (
            select ready.first_id, ready.last_id from ready
            where ready.first_id <= probe.job and ready.first_id >= probe.job / 1000 * 1000
            order by ready.first_id desc limit 1) near
        where near.last_id >= probe.job
    ) due on true
),
judged as (
    update breaker_probe set verdict = seen.verdict
    from seen
    where breaker_probe.tenant = $1 and breaker_probe.template = $2 and breaker_probe.job = seen.job
      and breaker_probe.verdict is null and seen.verdict is not null
)
select (select count(*) from seen where verdict is null) as "open!",
       (select count(*) from seen where verdict = 'good') as "good!",
       (select min(job) from seen where verdict = 'bad') as "first_bad?";
