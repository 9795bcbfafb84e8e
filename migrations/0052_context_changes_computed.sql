-- A job may compute a context's next document from the one that is stored: `change`, whose data says with what.

-- Every row that is there fits: the words only became more.
alter table context_change
    drop constraint context_change_kind,
    add constraint context_change_kind check (kind in ('put', 'patch', 'change', 'delete', 'expire')) not valid;
