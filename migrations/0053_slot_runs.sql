-- Many equal verdicts in a row are one row: a schedule of every second whose keepers were away for a week would otherwise
-- leave 604,800 rows that all say the same.

-- Such a row stands for the `n` slots from `at` to `until`; its `covers` are the first and the last nominal time of them. No
-- other row of its schedule lies in between: who wants one of its slots takes it out, and what is left are two rows.
alter table slot
    add column until timestamptz,
    add column n bigint,
    add constraint slot_run check (
        (until is null) = (n is null)
        and (until is null or until >= at and n > 0 and state in ('skipped', 'missed') and batch is null and job is null))
        not valid;
