-- Locks a category, so that its versions commit in order.
-- Index  category_identity.
-- Locks  the category's row for update, until the transaction ends.
-- Gives  one row or none.
select id, version, items, checksum, key_rule, deleted_at
from category
where tenant = $1 and name = $2
for update;
