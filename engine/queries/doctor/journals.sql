-- Which jobs with ids from $1 to $2 have a gap in their journal, or a head of a turn that is not there?
-- Index  journal_pkey, head_pkey by range.
-- Locks  none; one snapshot, and a head is written with its turn.
-- Gives  a row a code: how many, and the first $3 of them.
with wrong as (
    select job as id, 'journal_gap' as code,
           'turns ' || min(seq) || ' to ' || max(seq) || ', ' || count(*) || ' of them' as detail
    from journal
    where job between $1 and $2
    group by job
    having min(seq) <> 1 or max(seq) <> count(*)
    union all
    select head.job, 'head_without_turn', 'head ' || head.seq
    from head
    where head.job between $1 and $2
      and not exists (select from journal where journal.job = head.job and journal.seq = head.seq)
)
select code as "code!", count(*) as "found!", (array_agg('j_' || id order by id))[1:$3::int4] as "subjects!",
       (array_agg(detail order by id))[1:$3::int4] as "details!"
from wrong
group by code;
