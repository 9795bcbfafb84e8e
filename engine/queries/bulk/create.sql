-- Begins a change of many jobs, whose pages follow in the same transaction.
-- Index  bulk_token refuses the second.
-- Locks  the new row.
-- Gives  its number; none when somebody else began it with the same token.
insert into bulk (tenant, change, filter, token, rate, total, who, why)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict on constraint bulk_token do nothing
returning id;
