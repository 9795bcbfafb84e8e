-- Filters that ask for one value of a field of a category read the few items that have it, in the order of rows: an item
-- has a mark in each index of its category. A field that a document names later is marked a piece at a time for items that
-- are there already, and nobody reads its index before it is whole. Categories without indexes have no rows here.
create table category_index (
    id int generated always as identity primary key,
    category int not null references category,
    field text not null,
    -- what was loaded up to this version stood there before; it is marked up to the row `marked_n` of `marked_added`
    until int not null,
    marked_added int not null default 0,
    marked_n bigint not null default 0,
    is_whole bool not null,
    -- no document names it any more: its marks go a piece at a time, then it goes
    is_dropped bool not null default false
);
create unique index category_index_field on category_index (category, field) where not is_dropped;
create index category_index_open on category_index (id) where is_dropped or not is_whole;

-- No references: one check an item and field would cost as much as the mark.
create table category_mark (
    index int not null,
    mark bytea not null,
    n bigint not null,
    added int not null,
    primary key (index, mark, n, added)
);

-- What an item has under a field, as eight bytes that equal values share and others seldom: whoever reads by it judges
-- the item itself. A missing field is null. Numbers are marked by their value, however they are written; those with an
-- exponent or more than forty digits share one mark, and so do all documents with a NUL, which Postgres' own JSON does not
-- take. Lists and objects equal nothing that is written out and have none. Marks are stored: a function that gives others
-- must mark everything anew.
create function item_mark(document text, field text) returns bytea
language plpgsql immutable strict parallel safe
as $$
declare
    value text;
begin
    if strpos(document, '\u0000') > 0 then
        value := '?';
    else
        value := coalesce((document::json -> field)::text, 'null');
        if left(value, 1) in ('{', '[') then
            return null;
        elsif value !~ '^[-0-9]' then
            null;
        elsif length(value) > 40 or value ~ '[eE]' then
            value := '#';
        else
            value := trim_scale(value::numeric)::text;
        end if;
    end if;
    return substring(sha256(convert_to(value, 'UTF8')) for 8);
end
$$;
