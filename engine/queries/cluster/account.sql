-- Whose settings does this session begin with? Both names are quoted.
-- Index  none.
-- Locks  none.
select quote_ident(session_user) as "role!", quote_ident(current_database()) as "database!";
