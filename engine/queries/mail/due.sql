-- Is there anything to publish, to tell a parent, or in an inbox?
-- Index  event_new_pkey, child_pkey, inbox_pkey: each is empty most of the time.
-- Locks  none.
select exists (select from event_new order by id) as "events!",
       exists (select from child order by job) as "children!",
       exists (select from inbox order by job, id) as "letters!";
