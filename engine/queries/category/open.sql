-- Makes sure that a category has its row.
-- Index  category_identity.
-- Locks  the new row.
-- Gives  nothing.
insert into category (tenant, name) values ($1, $2)
on conflict on constraint category_identity do nothing;
