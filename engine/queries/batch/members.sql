-- A page of the members of an object or combined batch, in plan order, with the outcome of their job and the verdict of
-- their chunk, unless that failed and is under way again.
-- Index  member_pkey (batch, n); outcome_pkey, one step back inside the block of 1,000; chunk_verdict_pkey.
-- Locks  none.
-- Gives  up to $3 rows after n = $2.
select m.n, m.job, m.chunk, m.key, m.object,
       o.kind as "outcome?", o.code as "code?", o.fingerprint as "fingerprint?", o.attempt as "attempt?",
       o.at as "ended_at?",
       v.told_by as "told_by?", v.kind as "verdict?", v.code as "verdict_code?",
       v.fingerprint as "verdict_fingerprint?", v.tries as "verdict_tries?", v.at as "verdict_at?"
from (select * from member where batch = $1 and n > $2 order by n limit $3) m
left join lateral (
    select * from (select * from outcome x where x.first_id <= m.job and x.first_id >= m.job / 1000 * 1000
                   order by x.first_id desc limit 1) near where near.last_id >= m.job) o on true
left join lateral (
    select * from chunk_verdict
    where chunk_verdict.job = m.job and chunk_verdict.chunk = m.chunk and not (chunk_verdict.again and chunk_verdict.kind = 'failed' and o.kind is null) limit 1) v on true
order by m.n;
