-- Which errors stopped so many jobs of a template lately that its breaker may have to open?
-- Index  outcome_stopped, held_stopped, read backwards: the newest 10,000 of each, within the longest
--        window that a rule names. Rules and breakers are few: breaker_rule_pkey, breaker_pkey.
-- Locks  none: what it finds is counted again under the breaker's lock.
-- Gives  the worst first, at most 100.
with stopped as (
    (select lane, fingerprint, code, at, first_id, last_id
     from outcome
     where fingerprint is not null
       and at >= now() - make_interval(secs => (select greatest($3::int4, max(window_seconds)) from breaker_rule))
     order by at desc
     limit 10000)
    union all
    (select lane, fingerprint, code, run_at, first_id, last_id
     from held
     where reason = 'parked' and fingerprint is not null
       and run_at >= now() - make_interval(secs => (select greatest($3, max(window_seconds)) from breaker_rule))
     order by run_at desc
     limit 10000)
)
select lane.tenant as "tenant!", lane.template as "template!", stopped.fingerprint as "fingerprint!"
from stopped
join lane on lane.id = stopped.lane
left join breaker_rule own on own.tenant = lane.tenant and own.template = lane.template
left join breaker_rule common on common.tenant = lane.tenant and common.template = ''
left join breaker on breaker.tenant = lane.tenant and breaker.template = lane.template
where lane.template <> ''
  and coalesce(own.is_on, common.is_on, $1)
  and coalesce(breaker.state, 'closed') = 'closed'
  and stopped.at >= now() - make_interval(secs => coalesce(own.window_seconds, common.window_seconds, $3))
  and stopped.at > coalesce(breaker.counted_from, '-infinity')
group by lane.tenant, lane.template, stopped.fingerprint
having sum(stopped.last_id - stopped.first_id + 1) >= coalesce(min(own.failures), min(common.failures), $2::int4)
order by sum(stopped.last_id - stopped.first_id + 1) desc, 1, 2, 3
limit 100;
