-- Which job does a member belong to? It may not be whole yet.
-- Index  member_pkey (batch, n).
-- Locks  none: members never change.
select job from member where batch = $1 and n = $2;
