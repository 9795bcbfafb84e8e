-- Says how much a group or queue gets.
-- Index  share_pkey.
-- Locks  the row.
insert into share (tenant, kind, name, weight, minimum, maximum, who)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (tenant, kind, name) do update
    set weight = excluded.weight, minimum = excluded.minimum, maximum = excluded.maximum, who = excluded.who, at = now();
