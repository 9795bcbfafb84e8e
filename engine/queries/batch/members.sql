-- A page of the members of an object or combined batch, in plan order, with the outcome of their job.
-- Index  member_pkey (batch, n); outcome_pkey, one step back inside the block of 1,000.
-- Locks  none.
-- Gives  up to $3 rows after n = $2.
select m.n, m.job, m.chunk, m.key, m.object,
       o.kind as "outcome?", o.code as "code?", o.fingerprint as "fingerprint?", o.attempt as "attempt?",
       o.at as "ended_at?"
from (select * from member where batch = $1 and n > $2 order by n limit $3) m
left join lateral (
    select * from (select * from outcome x where x.first_id <= m.job and x.first_id >= m.job / 1000 * 1000
                   order by x.first_id desc limit 1) near where near.last_id >= m.job) o on true
order by m.n;
