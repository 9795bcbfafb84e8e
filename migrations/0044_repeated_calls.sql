-- Calls that a client repeats because it has had no answer: restarting a batch and starting a schedule by hand.

-- The key under which a restart was asked for, and the hash of what was asked: kept with its redrive. Redrives are
-- few, made by people.
alter table redrive
    add column idempotency_key text,
    add column print text,
    add constraint redrive_key_print check ((idempotency_key is null) = (print is null));
create unique index redrive_key on redrive (batch, idempotency_key) where idempotency_key is not null;

-- What a person started of a schedule under a key: as a slot, or beside them (null). A later call of the same schedule
-- deletes it after a week.
create table schedule_key (
    tenant int not null,
    schedule text not null,
    idempotency_key text not null,
    slot timestamptz,
    batch bigint references batch,
    job bigint,
    created_at timestamptz not null default now(),
    primary key (tenant, schedule, idempotency_key),
    foreign key (tenant, schedule) references schedule (tenant, name),
    constraint schedule_key_started check (num_nonnulls(batch, job) = 1)
);

-- Whether the end of its batch was noted: also of one that ended before anybody looked at it.
alter table forecast add column over bool not null default false;
update forecast set over = true
from batch
where batch.id = forecast.batch and batch.finished_at is not null and forecast.light in ('finished', 'missed')
  and not exists (select from pace where pace.batch = forecast.batch);
create index forecast_open on forecast (batch) where not over;
