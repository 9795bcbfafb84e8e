-- Puts letters back that machines had taken and do not want any more, in the flush that says so. One that was a
-- signal to its job is one again.
-- Index  inbox_pkey; signal_pkey.
-- Locks  new rows only.
insert into inbox (job, id, kind, data, at, name, key, signal)
overriding system value
select letter.job, letter.id, case when signal.id is null then 'event' else 'signal' end, letter.data,
       letter.at - (select clock_offset from cluster), signal.name, signal.key, signal.id
from unnest($1::int8[], $2::int8[], $3::int4[], $4::text[], $5::timestamptz[], $6::text[], $7::text[])
     letter (job, id, tenant, data, at, subject, event)
left join signal on signal.tenant = letter.tenant and signal.key = letter.subject and signal.id = letter.event
                and signal.job = letter.job
on conflict (job, id) do nothing;
