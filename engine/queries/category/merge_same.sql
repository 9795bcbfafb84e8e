-- Takes back the rows of the load of version $2 that say what their keys say already: those items stay as they are. The
-- rows of the load stand from row $3 on, beyond any other.
-- Index  category_item_order (category, n), the rows beyond; category_item_key (category, key), a look a row.
-- Locks  the rows, which are this transaction's own; the caller holds the category's row.
-- Gives  as many affected rows as items are unchanged.
delete from category_item
where category = $1 and added = $2
  and n = any(array(
      select new.n
      from category_item new
      cross join lateral (
          select from category_item old
          where old.category = $1 and old.key = new.key and old.added < $2 and old.removed is null
            and old.document = new.document and old.object is not distinct from new.object
          limit 1) old
      where new.category = $1 and new.n >= $3));
