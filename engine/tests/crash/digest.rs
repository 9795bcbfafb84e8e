//! What a play left, as one text: plays that leave the same are the same to whoever recovers, so one of them is enough.
//!
//! A duty sees the database and nothing of who came before. Two plays leave the same when every row of every table is
//! the same but for the moment at which it was written: of an instant only counts whether it has passed.

use crate::stage::Stage;

/// Makes `kept.left()`. Where something else differs from play to play (a number drawn at random), nothing is lost but time.
const LEFT: &str = r"
do $$
declare
    named record;
    tables text := '';
begin
    for named in
        select class.relname, string_agg(
            case
                -- a job's own random number: keys are made of it, and nothing else depends on it
                when attname = 'nonce' then '0'
                when attribute.atttypid = 'timestamptz'::regtype then format(
                    $c$case when isfinite(%1$I) then case when %1$I <= now() then 'past' else 'ahead' end else %1$I::text end$c$, attname)
                when attribute.atttypid = 'text'::regtype then format(
                    $c$regexp_replace(%1$I, '\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)', 'instant', 'g')$c$, attname)
                else format('%1$I', attname)
            end, ', ' order by attnum) as columns
        from pg_class class join pg_attribute attribute on attrelid = class.oid and attnum > 0 and not attisdropped
        where class.relnamespace = 'windlass'::regnamespace and class.relkind in ('r', 'p') and not class.relispartition
          and class.relname <> '_sqlx_migrations'
        group by class.relname
        order by class.relname
    loop
        tables := tables || format(', (select string_agg(line, chr(10) order by line) from (select row(%s)::text as line from windlass.%I) of_table)',
                                   named.columns, named.relname);
    end loop;
    execute 'create function kept.left() returns text language plpgsql as $f$ begin return md5(row(0' || tables || ')::text); end $f$';
end $$;
";

impl Stage {
    /// From now on it can be said what a play left.
    pub async fn tell_apart(&self) {
        self.run(LEFT).await;
    }

    /// What is there now.
    pub async fn left(&self) -> String {
        sqlx::query_scalar("select kept.left()")
            .fetch_one(&self.bench.pool)
            .await
            .expect("a digest")
    }
}
