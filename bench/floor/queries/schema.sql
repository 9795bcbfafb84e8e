-- Question: the tables of the floor, empty: one row of `ready` for a range of jobs, one of `lease`
-- for a claim, outcomes that are only appended.
-- Locks: everything in `public` of the floor's own database, which holds nothing else.
set client_min_messages = warning;
drop schema public cascade;
create schema public;
create sequence job_block;
create sequence lease_id;
create table job (
  id bigint primary key, queue smallint not null, template int not null default 1,
  batch_id bigint not null default 1, payload jsonb not null,
  created_at timestamptz not null default now());
create table ready (
  queue smallint not null, priority smallint not null default 0, attempt smallint not null default 0,
  run_at timestamptz not null default now(), first_id bigint not null, next_id bigint not null,
  last_id bigint not null)
  with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
create unique index ready_ix on ready (queue, priority, run_at, first_id);
create table lease (
  lease_id bigint primary key, worker_id bigint not null, jobs int8multirange not null,
  attempt smallint not null, claimed_at timestamptz not null default now())
  with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
create table journal (
  job_id bigint not null, seq smallint not null, kind smallint not null,
  at timestamptz not null default now(), data jsonb, primary key (job_id, seq));
create table outcome (
  job_id bigint not null, lease_id bigint not null, state smallint not null,
  at timestamptz not null default now(), result jsonb);
create index outcome_job on outcome (job_id);
