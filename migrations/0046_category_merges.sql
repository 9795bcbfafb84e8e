-- A load may leave items as they are that it does not name: keys only mean the same while they are made in the same way,
-- and items that ended stand between many that did not.
alter table category
    -- how the keys of the current items were made: `row`, or a list of fields; null where nobody noted it
    add column key_rule text;

create index category_item_ended on category_item (category, removed) where removed is not null;
