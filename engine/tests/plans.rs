//! Plans: with a million jobs, each statement goes by the index that its header names, and none reads
//! through a table that grows.
//!
//! Plans are generic ones, under the settings that every session of ours has (`store/connect.rs`).

mod common;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use windlass_engine::store::hook::Statement;

use common::Bench;

/// A million jobs in every holder, and what belongs to them. Rows are made where they end up.
const FIXTURE: &str = include_str!("plans/fixture.sql");

/// Tables that nobody keeps small.
const GROWING: [&str; 45] = [
    "job",
    "ready",
    "later",
    "held",
    "lease",
    "wait",
    "journal",
    "head",
    "outcome",
    "request",
    "request_key",
    "inbox",
    "approval",
    "signal",
    "event",
    "event_new",
    "heard",
    "child",
    "context",
    "context_change",
    "context_reference",
    "child_group",
    "child_batch",
    "child_item",
    "member",
    "chunk_verdict",
    "left_out",
    "batch",
    "batch_range",
    "category_item",
    "category_mark",
    "source_row",
    "batch_name",
    "addition",
    "slot",
    "schedule_job",
    "gathering",
    "bulk",
    "bulk_page",
    "bulk_refused",
    "notice",
    "callback",
    "callback_watch",
    "delivery",
    "delivery_try",
];

/// What reads through a growing table, or needs no index that it names, and why that is right.
const EXCEPTIONS: &str = include_str!("plans/exceptions.txt");
/// Begins an exception that some statistics need and others do not.
const EITHER: &str = "either ";

#[tokio::test]
async fn a_million_jobs_are_never_read_through() {
    let bench = Bench::new().await;
    for part in FIXTURE.split("\n\n") {
        let part = sqlx::raw_sql(AssertSqlSafe(part.to_owned())).execute(&bench.pool);
        part.await.expect("a part of the fixture");
    }
    let indexes = indexes(&bench.pool).await;
    let mut session = bench.pool.acquire().await.expect("a connection");

    let mut complaints = Vec::new();
    for statement in Statement::all() {
        let Some(plan) = plan(&mut session, statement).await else {
            continue;
        };
        let seen = Seen::of(&plan, &indexes);
        complaints.extend(judge(statement, &seen, &indexes));
    }
    let known = EXCEPTIONS.lines().filter_map(exception);
    let (either, known): (Vec<&str>, Vec<&str>) = known.partition(|line| line.starts_with(EITHER));
    let known = BTreeSet::from_iter(known);
    let either: BTreeSet<&str> = either.iter().map(|line| &line[EITHER.len()..]).collect();
    let found: BTreeSet<&str> = complaints.iter().map(String::as_str).collect();
    let new: Vec<_> = found.difference(&(&known | &either)).copied().collect();
    let over: Vec<_> = known.difference(&found).collect();

    assert!(new.is_empty(), "\n{new:#?}");
    assert!(
        over.is_empty(),
        "exceptions that nothing needs any more: {over:#?}"
    );
}

/// `statement: what` before the reason.
fn exception(line: &str) -> Option<&str> {
    let line = line.split(" # ").next()?.trim();
    (!line.is_empty() && !line.starts_with('#')).then_some(line)
}

/// Our indexes, by their names and the names of their parts in partitions.
type Indexes = BTreeMap<String, Index>;

/// What an index is called in the headers, the table that it is of, and whether it has only some of its rows.
struct Index {
    top: String,
    table: String,
    is_partial: bool,
}

async fn indexes(pool: &PgPool) -> Indexes {
    let sql = "with recursive part as (
                   select oid, relname::text as name, relname::text as top from pg_class
                   where relkind in ('i', 'I') and relnamespace = 'windlass'::regnamespace and not relispartition
                   union all
                   select pg_class.oid, pg_class.relname::text, part.top
                   from part join pg_inherits on inhparent = part.oid join pg_class on pg_class.oid = inhrelid)
               select part.name, part.top, coalesce(whole.relname, pg_class.relname)::text, indpred is not null
               from part
               join pg_index on indexrelid = part.oid
               join pg_class on pg_class.oid = indrelid
               left join pg_inherits on inhrelid = indrelid
               left join pg_class whole on whole.oid = inhparent";
    let rows: Vec<(String, String, String, bool)> =
        sqlx::query_as(sql).fetch_all(pool).await.expect("indexes");
    let named = |(name, top, table, is_partial)| {
        let index = Index {
            top,
            table,
            is_partial,
        };
        (name, index)
    };
    rows.into_iter().map(named).collect()
}

/// The plan of a statement; none for what has no plan, such as COPY.
async fn plan(session: &mut PgConnection, statement: &Statement) -> Option<Value> {
    let text = statement.text.trim().trim_end_matches(';');
    if text.contains("\ncopy ") {
        return None;
    }
    run(session, format!("prepare one as {text}")).await;
    let sql = "select parameter_types::text[] from pg_prepared_statements where name = 'one'";
    let types: Vec<String> = sqlx::query_scalar(sql)
        .fetch_one(&mut *session)
        .await
        .expect("its parameters");
    let values: Vec<String> = types.iter().map(|of| value(of)).collect();
    let values = match values.is_empty() {
        true => String::new(),
        false => format!("({})", values.join(", ")),
    };
    let explain = format!("explain (format json, costs off) execute one{values}");
    let plan: Value = sqlx::query_scalar(AssertSqlSafe(explain))
        .persistent(false)
        .fetch_one(&mut *session)
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", statement.name));
    run(session, "deallocate one".into()).await;
    Some(plan)
}

/// A generic plan does not look at values, but partitions are left out by them before it is shown.
fn value(of: &str) -> String {
    if let Some(element) = of.strip_suffix("[]") {
        return format!("array[{}]::{of}", value(element));
    }
    let text = match of {
        "smallint" | "integer" | "bigint" | "double precision" | "numeric" => "7",
        "boolean" => "true",
        "timestamp with time zone" => "2030-01-01",
        "uuid" => "00000000-0000-0000-0000-000000000007",
        "json" | "jsonb" => "{}",
        "interval" => "1s",
        _ => "7",
    };
    format!("'{text}'::{of}")
}

async fn run(session: &mut PgConnection, sql: String) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(session).await;
    done.expect("the statement runs");
}

/// What a plan touches.
#[derive(Default)]
struct Seen {
    indexes: BTreeSet<String>,
    read_through: BTreeSet<String>,
    walked_through: BTreeSet<String>,
}

/// Whether so many rows are taken of a node's rows and no more.
fn is_limited_below(node: &serde_json::Map<String, Value>, is_limited: bool) -> bool {
    const STREAMS: [&str; 9] = [
        "Append",
        "Merge Append",
        "LockRows",
        "Subquery Scan",
        "Result",
        "Nested Loop",
        "Incremental Sort",
        "Index Scan",
        "Index Only Scan",
    ];
    let of = |key: &str| node.get(key).and_then(Value::as_str);
    match of("Node Type") {
        Some("Limit") => true,
        Some(kind) => {
            is_limited && STREAMS.contains(&kind) && of("Parent Relationship") != Some("InitPlan")
        }
        None => is_limited,
    }
}

impl Seen {
    fn of(plan: &Value, indexes: &Indexes) -> Self {
        let mut seen = Self::default();
        seen.walk(plan, indexes, false);
        seen
    }

    /// `is_limited`: whether somebody above takes only so many rows.
    fn walk(&mut self, node: &Value, indexes: &Indexes, is_limited: bool) {
        match node {
            Value::Array(nodes) => nodes
                .iter()
                .for_each(|node| self.walk(node, indexes, is_limited)),
            Value::Object(keys) => {
                let is_limited = is_limited_below(keys, is_limited);
                self.note(keys, indexes, is_limited);
                keys.values()
                    .for_each(|value| self.walk(value, indexes, is_limited));
            }
            _ => {}
        }
    }

    fn note(&mut self, node: &serde_json::Map<String, Value>, indexes: &Indexes, is_limited: bool) {
        let text = |key: &str| node.get(key).and_then(Value::as_str);
        // An index without a condition is its whole table, in an order.
        let walked = text("Index Name").and_then(|name| indexes.get(name));
        let is_whole = node.get("Index Cond").is_none() && !is_limited;
        let walked = walked.filter(|index| is_whole && !index.is_partial);
        let grows = |index: &&Index| GROWING.contains(&index.table.as_str());
        self.walked_through
            .extend(walked.filter(grows).map(|index| index.top.clone()));
        let named = text("Index Name").into_iter();
        let arbiters = node
            .get("Conflict Arbiter Indexes")
            .and_then(Value::as_array);
        let arbiters = arbiters.into_iter().flatten().filter_map(Value::as_str);
        let used = named.chain(arbiters).filter_map(|name| indexes.get(name));
        self.indexes.extend(used.map(|index| index.top.clone()));
        if let (Some("Seq Scan"), Some(relation)) = (text("Node Type"), text("Relation Name")) {
            // A partition is `job_p0` or `job_kept`.
            let of = |table: &&&str| {
                relation == **table
                    || relation.starts_with(&format!("{table}_p"))
                    || relation == format!("{table}_kept")
            };
            self.read_through
                .extend(GROWING.iter().find(of).map(|table| (*table).to_owned()));
        }
    }
}

/// What is wrong with a plan.
fn judge(statement: &Statement, seen: &Seen, indexes: &Indexes) -> Vec<String> {
    let name = &statement.name;
    let through = seen
        .read_through
        .iter()
        .map(|table| format!("{name}: reads through {table}"));
    let walked = seen.walked_through.iter();
    let walked = walked.map(|index| format!("{name}: walks through {index}"));
    let unused = named(statement).into_iter().filter_map(|word| {
        let index = indexes.get(&word);
        match index {
            None => Some(format!("{name}: there is no {word}")),
            Some(index) if seen.indexes.contains(&index.top) => None,
            // Postgres may read a small table through; it costs the same.
            Some(index) if !GROWING.contains(&index.table.as_str()) => None,
            Some(_) => Some(format!("{name}: does not use {word}")),
        }
    });
    through.chain(walked).chain(unused).collect()
}

/// The indexes that a header names: words with an underscore, from `Index` to the next heading.
fn named(statement: &Statement) -> BTreeSet<String> {
    let header = statement
        .text
        .lines()
        .map_while(|line| line.strip_prefix("--"));
    let lines = header
        .skip_while(|line| !line.trim_start().starts_with("Index "))
        .take_while(|line| !line.trim_start().starts_with("Locks "));
    let text = lines.collect::<Vec<_>>().join(" ");
    let words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words
        .filter(|word| word.contains('_') && !word.ends_with("_id") && !word.ends_with("_at"))
        .map(str::to_owned)
        .collect()
}
