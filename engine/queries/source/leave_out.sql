-- Keeps rows that the plan leaves out. A planner that takes over finds them there already.
-- Index  none read; rows that are there already are passed over.
-- Locks  the new rows.
-- Gives  as many affected rows as are new.
insert into left_out (batch, n, key, reason)
select $1, n, key, reason from unnest($2::int8[], $3::text[], $4::text[]) as row (n, key, reason)
on conflict do nothing;
