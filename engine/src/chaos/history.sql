-- What has each lease and each outcome been through, in the order in which it was committed?
-- The triggers stand in the database of a chaos run only; the product's schema has none. A lease's
-- entry is made at commit, when its jobs' next holders are in place: a job that left its lease and
-- stands nowhere is seen at once, whatever verb of ours did it.
-- Index  history_pkey gives the order; a job's own entries are ordered by the row locks of its holders.
-- Locks  none beside the new rows.
create schema if not exists chaos;

create table if not exists chaos.history (
    seq bigserial primary key,
    at timestamptz not null default clock_timestamp(),
    job bigint not null,
    claim uuid,
    what text not null
);

-- Jobs of earlier rounds, which were judged already.
create table if not exists chaos.judged (job bigint primary key);

create or replace function chaos.place_of(wanted bigint, worker uuid) returns text
language sql set search_path = windlass as $$
    select case
        when exists (select from outcome where first_id between wanted - 1000 and wanted and last_id >= wanted) then 'ended'
        when not exists (select from windlass.worker w where w.id = worker and w.dead_at is null)
             and exists (select from ready where first_id between wanted - 1000 and wanted and last_id >= wanted
                         union all
                         select from held where first_id between wanted - 1000 and wanted and last_id >= wanted) then 'lost'
        when exists (select from ready where first_id between wanted - 1000 and wanted and last_id >= wanted) then 'back'
        when exists (select from later where first_id between wanted - 1000 and wanted and last_id >= wanted) then 'later'
        when exists (select from held where first_id between wanted - 1000 and wanted and last_id >= wanted) then 'held'
        when exists (select from wait where job = wanted) then 'wait'
        else 'nowhere' end
$$;

create or replace function chaos.note_lease() returns trigger
language plpgsql set search_path = windlass as $$
declare
    came int8multirange := '{}';
    went int8multirange := '{}';
begin
    if tg_op = 'INSERT' then came := new.jobs;
    elsif tg_op = 'DELETE' then went := old.jobs;
    else came := new.jobs - old.jobs; went := old.jobs - new.jobs;
    end if;
    insert into chaos.history (job, claim, what)
    select id, new.claim, 'claimed'
    from unnest(came) r, generate_series(lower(r), upper(r) - 1) id;
    insert into chaos.history (job, claim, what)
    select id, old.claim, chaos.place_of(id, old.worker)
    from unnest(went) r, generate_series(lower(r), upper(r) - 1) id;
    return null;
end $$;

create or replace function chaos.note_outcome() returns trigger
language plpgsql set search_path = windlass as $$
begin
    if tg_op <> 'INSERT' then
        insert into chaos.history (job, claim, what)
        select id, old.claim, 'changed' from generate_series(old.first_id, old.last_id) id;
    end if;
    if tg_op <> 'DELETE' then
        insert into chaos.history (job, claim, what)
        select id, new.claim, 'outcome' from generate_series(new.first_id, new.last_id) id;
    end if;
    return null;
end $$;

drop trigger if exists chaos_lease on windlass.lease;
create constraint trigger chaos_lease after insert or update or delete on windlass.lease
    deferrable initially deferred for each row execute function chaos.note_lease();
drop trigger if exists chaos_outcome on windlass.outcome;
create trigger chaos_outcome after insert or update or delete on windlass.outcome
    for each row execute function chaos.note_outcome();
