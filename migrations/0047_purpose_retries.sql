-- Purposes say what becomes of failed steps that stand in no `try`.

-- The revision of the purpose, by whose `retry` such steps are made again: the one in force when the work was asked for. The
-- purpose is that of the job's lane; null where it says nothing of that, or where another job asked for this one.
alter table batch add column retry_revision int;
alter table job add column retry_revision int;

-- Makes a job inside the caller's transaction, as that of 0042: its purpose may have a `retry`.
create or replace function submit(
    work text,
    input text default '{}',
    idempotency_key text default null,
    scope text default null,
    hold text default null,
    on_duplicate text default 'return',
    start_at timestamptz default null,
    expires_at timestamptz default null,
    priority text default null,
    tags jsonb default null,
    notify bool default false,
    who text default session_user,
    tenant text default 'default',
    lane text default null
) returns bigint
language plpgsql volatile security definer
set search_path from current
as $$
declare
    payload text := submit.input;
    reference text := submit.work;
    purpose_name text := '';
    defaults json;
    terms json;
    named json;
    bounds text[];
    is_beyond bool;
    urgency text := submit.priority;
    seconds int;
    tenant_id int;
    version_id int;
    template_name text;
    needs text;
    of_template text;
    lane_read text;
    share text;
    lane_id int;
    job_id bigint;
    held record;
    cut record;
    print bytea;
    key_scope text;
    key_hold text;
    key_until timestamptz := 'infinity';
    usual_hold text;
    is_new bool := true;
    begins timestamptz := submit.start_at;
    expires timestamptz;
    run_time float8;
    retried int;
    predecessor bigint;
    has_started bool := false;
begin
    -- What is asked for.
    select id into tenant_id from tenant t where t.name = submit.tenant;
    if tenant_id is null then
        raise exception 'there is no tenant `%`', submit.tenant using errcode = '22023', detail = 'unknown_tenant';
    end if;
    begin
        perform submit.input::json;
    exception when others then
        raise exception 'the input is no JSON: %', sqlerrm using errcode = '22023', detail = 'json_malformed';
    end;
    if submit.input is null then
        raise exception 'the input is null' using errcode = '22004', detail = 'json_malformed', hint = 'send {} for nothing';
    end if;
    if reference not like '%.%' then
        purpose_name := reference;
        select c.document::json ->> 'template', c.document::json -> 'input', coalesce(urgency, c.document::json ->> 'priority'),
               c.document::json -> 'limits', extract(epoch from (c.document::json ->> 'timeout')::interval),
               case when c.document::json -> 'retry' is not null then c.revision end
        into reference, defaults, urgency, named, run_time, retried
        from configuration c
        where c.tenant = tenant_id and c.kind = 'purpose' and c.name = purpose_name
        order by c.revision desc limit 1;
        if not found then
            raise exception 'there is no purpose `%`', purpose_name using errcode = '22023', detail = 'unknown_purpose';
        end if;
        if json_typeof(defaults) = 'object' and json_typeof(payload::json) = 'object' then
            select '{' || coalesce(string_agg(to_json(key)::text || ':' || value::text, ','), '') || '}' into payload
            from (
                select d.key, d.value from json_each(defaults) d
                where not exists (select from json_each(submit.input::json) own where own.key = d.key)
                union all
                select own.key, own.value from json_each(submit.input::json) own
            ) both_levels;
        end if;
    end if;
    if octet_length(payload) > 1048576 then
        raise exception 'the input has % bytes; 1048576 are allowed', octet_length(payload)
            using errcode = '22023', detail = 'too_large';
    end if;
    select v.id, v.namespace || '.' || v.name, v.capability, v.purpose, v.lane_expression
    into version_id, template_name, needs, of_template, lane_read
    from template_version v
    where v.tenant = tenant_id
      and v.namespace = split_part(reference, '.', 1)
      and v.name = split_part(substr(reference, strpos(reference, '.') + 1), '@', 1)
      and case when strpos(reference, '@') = 0 then v.deprecated_at is null and v.retired_at is null
               when reference ~ '@[a-z]' then v.id = (
                   select a.template_version from template_alias a
                   where a.tenant = tenant_id and a.namespace = v.namespace and a.name = v.name
                     and a.alias = substr(reference, strpos(reference, '@') + 1)
                   order by a.revision desc limit 1)
               else v.version = substr(reference, strpos(reference, '@') + 1) end
    order by v.rank[4] desc, v.rank desc, v.id desc limit 1;
    if version_id is null and reference ~ '@[a-z]' then
        raise exception 'the template `%` does not exist', reference using errcode = '22023', detail = 'unknown_reference';
    end if;
    if version_id is null then
        raise exception 'no published template answers to `%`', reference
            using errcode = '22023', detail = 'template_not_published';
    end if;
    -- The purpose that the template serves; its input is for those who ask for the purpose.
    if purpose_name = '' and of_template <> '' then
        purpose_name := of_template;
        select coalesce(urgency, c.document::json ->> 'priority'), c.document::json -> 'limits' into urgency, named
        from configuration c
        where c.tenant = tenant_id and c.kind = 'purpose' and c.name = purpose_name
        order by c.revision desc limit 1;
        if not found then
            raise exception 'there is no purpose `%`', purpose_name using errcode = '22023', detail = 'unknown_purpose';
        end if;
    end if;
    -- A queue of its own, and what subjects agreed to, are the engine's to look after.
    if purpose_name <> '' then
        select c.document::json into terms from configuration c
        where c.tenant = tenant_id and c.kind = 'purpose' and c.name = purpose_name order by c.revision desc limit 1;
        if terms ->> 'consent' is not null then
            raise exception 'the purpose `%` needs the consent `%` of its subjects', purpose_name, terms ->> 'consent'
                using errcode = '0A000', detail = 'consent_not_enforced';
        elsif terms ->> 'queue' is not null then
            raise exception 'the work of `%` has a queue of its own', purpose_name
                using errcode = '0A000', detail = 'queue_needs_engine', hint = 'submit it over HTTP';
        end if;
        lane_read := coalesce(terms ->> 'lane', lane_read);
    end if;
    if submit.lane is null and lane_read is not null then
        raise exception 'the lane of `%` is read from its input', submit.work
            using errcode = '0A000', detail = 'lane_needs_engine', hint = 'name it with `lane =>`, or submit it over HTTP';
    end if;
    if octet_length(submit.lane) not between 1 and 100 then
        raise exception 'a lane has 1 to 100 bytes' using errcode = '22023', detail = 'lane_malformed';
    end if;
    seconds := case coalesce(urgency, 'normal')
        when 'urgent' then 3600 when 'high' then 600 when 'normal' then 0 when 'low' then -600 when 'bulk' then -3600 end;
    if seconds is null then
        raise exception '`%` is no priority', urgency
            using errcode = '22023', detail = 'wrong_value', hint = 'urgent, high, normal, low or bulk';
    end if;
    if submit.on_duplicate not in ('return', 'reject', 'replace_queued', 'replace_keep_time', 'extend') then
        raise exception '`%` is no answer to a duplicate', submit.on_duplicate using errcode = '22023', detail = 'wrong_value',
            hint = 'return, reject, replace_queued, replace_keep_time or extend';
    end if;

    -- Where it goes. A key that must be read from the input, and an overflow that looks for room, are
    -- the engine's to judge.
    with mention as (
        select ref, split_part(ref, ':', 1) as rule, ref like '%:%' as is_keyed
        from json_array_elements_text(case when json_typeof(named) = 'array' then named else '[]' end) ref
    ),
    part as (
        select r.overflow, case when m.is_keyed then m.ref when r.key is null then r.name end as key
        from limit_rule r
        left join mention m on m.rule = r.name
        where r.tenant = tenant_id
          and (m.ref is not null or r.scope = 'tenant' or r.scope = 'purpose' and r.scope_name = purpose_name
               or r.scope = 'template' and r.scope_name = template_name or r.scope = 'queue' and r.scope_name = 'default')
          and (m.is_keyed or not exists (select from mention o where o.rule = r.name and o.is_keyed))
    )
    select coalesce(array_agg(distinct part.key collate "C" order by part.key collate "C") filter (where part.key is not null), '{}'),
           coalesce(bool_or(part.key is null or part.overflow <> 'queue'), false)
    into bounds, is_beyond
    from part;
    if is_beyond then
        raise exception 'a limit of `%` is counted by its input, or turns work away', submit.work
            using errcode = '0A000', detail = 'limit_needs_engine', hint = 'submit it over HTTP';
    end if;
    share := tenant_id || '/' || coalesce(submit.lane, case when purpose_name = '' then template_name else purpose_name end);
    for round in 1..2 loop
        select l.id into lane_id from lane l
        where l.tenant = tenant_id and l.queue = 'default' and l.grp = share and l.purpose = purpose_name
          and l.template = template_name and l.capability = needs and l.batch = 0 and l.limit_keys = bounds;
        exit when lane_id is not null;
        insert into limit_use (rule, value, cap, rate, burst, tokens)
        select r.id, r.value, coalesce((r.keys -> r.value ->> 'concurrency')::int4, r.concurrency),
               coalesce((r.keys -> r.value ->> 'rate')::float8, r.rate), coalesce((r.keys -> r.value ->> 'burst')::int4, r.burst),
               coalesce((r.keys -> r.value ->> 'burst')::int4, r.burst, 0)
        from (select rule.*, substr(wanted, length(rule.name) + 2) as value
              from unnest(bounds) wanted
              join limit_rule rule on rule.tenant = tenant_id and rule.name = split_part(wanted, ':', 1)
              order by rule.id for share of rule) r
        order by r.id, r.value
        on conflict do nothing;
        insert into lane (tenant, queue, grp, purpose, template, capability, batch, limit_keys, limits)
        values (tenant_id, 'default', share, purpose_name, template_name, needs, 0, bounds, array(
            select u.key
            from unnest(bounds) wanted
            join limit_rule r on r.tenant = tenant_id and r.name = split_part(wanted, ':', 1)
            join limit_use u on u.rule = r.id and u.value = substr(wanted, length(r.name) + 2)
            order by u.key))
        on conflict do nothing;
    end loop;
    job_id := nextval('job_single');

    -- At most one job a key.
    if submit.idempotency_key is not null then
        key_scope := case coalesce(submit.scope, terms -> 'idempotency' ->> 'scope', 'tenant') when 'tenant' then 'tenant' when 'template' then 'template:' || template_name end;
        if key_scope is null then
            raise exception '`%` is no scope of a key', coalesce(submit.scope, terms -> 'idempotency' ->> 'scope')
                using errcode = '22023', detail = 'wrong_value', hint = 'tenant or template';
        end if;
        usual_hold := coalesce(terms -> 'idempotency' ->> 'hold', '24h');
        key_hold := coalesce(submit.hold, case when usual_hold in ('active', 'forever') then usual_hold else 'ttl:' || usual_hold end);
        if key_hold like 'ttl:%' then
            key_until := now() + substr(key_hold, 5)::interval;
            key_hold := 'ttl';
        elsif key_hold in ('active', 'forever') then
            key_until := 'infinity';
        else
            raise exception '`%` is no hold of a key', submit.hold
                using errcode = '22023', detail = 'wrong_value', hint = 'ttl:24h, active or forever';
        end if;
        if octet_length(submit.idempotency_key) not between 1 and 255 then
            raise exception 'a key has 1 to 255 bytes' using errcode = '22023', detail = 'idempotency_key_malformed';
        end if;
        print := '\x01'::bytea || sha256(convert_to(jsonb_build_array(submit.work, submit.input::jsonb, extract(epoch from submit.start_at),
            extract(epoch from submit.expires_at), submit.priority, coalesce(submit.tags, '{}'))::text || coalesce(' lane ' || submit.lane, ''), 'UTF8'));
        for round in 1..5 loop
            insert into request_key as k (tenant, scope, key, hash, job, hold, expires_at)
            values (tenant_id, key_scope, submit.idempotency_key, print, job_id, key_hold, key_until)
            on conflict on constraint request_key_pkey do update
                set hash = excluded.hash, job = excluded.job, hold = excluded.hold, expires_at = excluded.expires_at
                where k.expires_at <= now()
                   or k.hold = 'active' and exists (
                       select from (select o.last_id from outcome o
                                    where o.first_id <= k.job and o.first_id >= k.job / 1000 * 1000
                                    order by o.first_id desc limit 1) near
                       where near.last_id >= k.job);
            is_new := found;
            exit when is_new;
            -- A statement of its own: the conflict saw neither its own nor the other row.
            select k.job, k.hash into held from request_key k
            where k.tenant = tenant_id and k.scope = key_scope and k.key = submit.idempotency_key
            for update;
            exit when found;
        end loop;
    end if;
    if not is_new then
        if held.job is null then
            raise exception 'the first request with this key is being stored' using errcode = '55P03', detail = 'in_flight';
        end if;
        if submit.on_duplicate = 'reject' then
            raise exception 'the key belongs to job j_%', held.job using errcode = '23505', detail = 'duplicate';
        end if;
        if submit.on_duplicate = 'return' then
            if held.hash = print or octet_length(held.hash) <> 33 and exists (
                select from job j left join request r on r.job = j.id
                where j.id = held.job and j.lane = lane_id and j.input::jsonb = payload::jsonb
                  and r.start_at is not distinct from submit.start_at and r.expires_at is not distinct from submit.expires_at
                  and coalesce(r.tags, '{}') = coalesce(submit.tags, '{}')) then
                return held.job;
            end if;
            raise exception 'the key was used for another payload, by job j_%', held.job
                using errcode = '23505', detail = 'key_reused', hint = 'send a new key for a new request';
        end if;
        -- Only what nobody has started is replaced or put off; what changes hands is looked at again.
        predecessor := held.job;
        for round in 1..20 loop
            with near as materialized (
                (select 'ready' as source, extent.* from (
                     select r.* from ready r
                     where r.first_id <= held.job and r.first_id >= held.job / 1000 * 1000
                     order by r.first_id desc limit 1 for update skip locked) extent)
                union all
                (select 'later', extent.* from (
                     select l.* from later l
                     where l.first_id <= held.job and l.first_id >= held.job / 1000 * 1000
                     order by l.first_id desc limit 1 for update skip locked) extent)
            ),
            hit as materialized (
                select * from near where last_id >= held.job and attempt = 0 and losses = 0 and not journaled
            ),
            from_ready as (delete from ready using hit where hit.source = 'ready' and ready.first_id = hit.first_id returning 1),
            from_later as (delete from later using hit where hit.source = 'later' and later.first_id = hit.first_id returning 1),
            gone as materialized (
                select (select count(*) from from_ready) + (select count(*) from from_later) as extents
            ),
            rest as materialized (
                select hit.*, side.low, side.high
                from hit join gone on gone.extents = 1
                cross join lateral (values (hit.first_id, held.job - 1), (held.job + 1, hit.last_id)) side (low, high)
                where side.low <= side.high
            ),
            to_ready as (
                insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
                select low, high, rest.lane, eff, run_at, rest.priority, attempt, losses, journaled from rest where source = 'ready'
            ),
            to_later as (
                insert into later (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
                select low, high, rest.lane, eff, run_at, rest.priority, attempt, losses, journaled from rest where source = 'later'
            ),
            ended as (
                insert into outcome (first_id, last_id, tenant, lane, batch, kind, code, attempt, result)
                select held.job, held.job, j.tenant, j.lane, j.batch, 'cancelled', 'replaced', hit.attempt,
                       json_build_object('title', 'replaced', 'by', job_id::text)::text
                from hit join gone on gone.extents = 1 join job j on j.id = held.job
                where submit.on_duplicate <> 'extend'
            ),
            forgotten as (
                delete from expiry e using hit where e.job = held.job and submit.on_duplicate <> 'extend'
            )
            select hit.run_at, hit.lane, hit.priority as secs into cut from hit join gone on gone.extents = 1;
            exit when found;
            has_started := exists (select from lease l where l.jobs @> held.job)
                or exists (select from wait w where w.job = held.job)
                or not exists (
                    select from (select r.* from ready r where r.first_id <= held.job and r.first_id >= held.job / 1000 * 1000
                                 order by r.first_id desc limit 1) x
                    where x.last_id >= held.job and x.attempt = 0 and x.losses = 0 and not x.journaled
                    union all
                    select from (select l.* from later l where l.first_id <= held.job and l.first_id >= held.job / 1000 * 1000
                                 order by l.first_id desc limit 1) x
                    where x.last_id >= held.job and x.attempt = 0 and x.losses = 0 and not x.journaled);
            exit when has_started;
            perform pg_sleep(0.005);
        end loop;
        if cut.run_at is null and not has_started then
            raise exception 'job j_% changed hands all the time', held.job using errcode = '55P03', detail = 'in_flight';
        end if;
        if cut.run_at is not null and submit.on_duplicate = 'extend' then
            begins := coalesce(submit.start_at, now());
            if begins > now() then
                insert into later (first_id, last_id, lane, eff, run_at, priority)
                values (held.job, held.job, cut.lane, begins - make_interval(secs => cut.secs), begins, cut.secs);
            else
                insert into ready (first_id, last_id, lane, eff, run_at, priority)
                values (held.job, held.job, cut.lane, begins - make_interval(secs => cut.secs), begins, cut.secs);
            end if;
            update request r set start_at = submit.start_at where r.job = held.job;
            return held.job;
        end if;
        if cut.run_at is not null then
            predecessor := null;
            if submit.on_duplicate = 'replace_keep_time' then
                begins := cut.run_at;
            end if;
        end if;
        update request_key k
        set hash = print, job = job_id, hold = key_hold, expires_at = key_until
        where k.tenant = tenant_id and k.scope = key_scope and k.key = submit.idempotency_key;
    end if;

    -- The job, what was said of it, and its holder. It expires when the caller says, else so long after it is due.
    expires := coalesce(submit.expires_at, coalesce(begins, now()) + (terms ->> 'expires_after')::interval);
    insert into job (id, tenant, lane, template_version, nonce, input, expires_at, timeout, retry_revision)
    values (job_id, tenant_id, lane_id, version_id,
            ('x' || left(encode(sha256(uuid_send(gen_random_uuid())), 'hex'), 16))::bit(64)::bigint, payload, expires, run_time,
            retried);
    insert into request (job, tenant, purpose, idempotency_key, tags, who, start_at, expires_at, successor_of)
    values (job_id, tenant_id, purpose_name, submit.idempotency_key, coalesce(submit.tags, '{}'), submit.who,
            submit.start_at, submit.expires_at, predecessor);
    if expires is not null then
        insert into expiry (job, at) values (job_id, expires);
    end if;
    begins := coalesce(begins, now());
    if begins > now() then
        insert into later (first_id, last_id, lane, eff, run_at, priority)
        values (job_id, job_id, lane_id, begins - make_interval(secs => seconds), begins, seconds);
    else
        insert into ready (first_id, last_id, lane, eff, run_at, priority)
        values (job_id, job_id, lane_id, begins - make_interval(secs => seconds), begins, seconds);
    end if;
    if submit.notify then
        perform pg_notify('windlass_work', '');
    end if;
    return job_id;
end
$$;
