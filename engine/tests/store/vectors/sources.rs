//! Edges of selections that lie outside, and of plans that somebody disturbs.

use super::selection::{birds, code_of};
use crate::category::load as load_items;
use crate::common::recipe::{apply, create, flock, jobs, kept, left, over, plan, told, with_birds};
use crate::common::{Bench, LEASE_TIME};
use serde_json::{Value as Json, json};
use windlass_engine::protocol::{Drawing, Drawn, Planned};
use windlass_engine::store::{BatchView, DEFAULT_TENANT};
use windlass_workflows::configuration::Format;
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

const WAREHOUSE: &str = "windlass: v1\nkind: Connection\nname: warehouse\ntype: postgres\n\
    url: { secret: warehouse-url }\n";
const FEED: &str = "windlass: v1\nkind: Connection\nname: feed\ntype: http\n\
    base_url: https://feed.example\n";
/// More than two pages of a plan.
const MANY: usize = 2_500;

/// Whether a case was played.
pub async fn played(name: &str, expect: &str) -> bool {
    match name {
        "item changed, added, deleted while planning" => {
            assert_eq!(expect, "not seen");
            // Another state for most of them, one bird more, and the last one gone.
            let changed = flock(MANY - 1, 1_700).replace(",s0", ",t0");
            loaded_while_planning(&format!("{changed}a00000,new,1\n"), false).await;
        }
        // A load takes its number under the lock of its category: of all that are under way, the one that began before
        // the plan has the smallest number that can still come.
        "load with an earlier number commits during planning" => {
            assert_eq!(expect, "not seen");
            loaded_while_planning("name,state,cost\nKite,Ohio,1\n", true).await;
        }
        "planner killed between two blocks" => {
            assert_eq!(expect, "resumes; same members, same selection_hash");
            killed().await;
        }
        "query source cut after half" => cut(expect).await,
        "HTTP page repeats its last item" => {
            assert_eq!(expect, "duplicate, by rows.duplicate");
            page_repeats().await;
        }
        _ => return false,
    }
    true
}

fn rows(ids: impl IntoIterator<Item = u64>) -> Vec<Result<Value, String>> {
    let rows = ids.into_iter();
    rows.map(|id| Ok(Value::from(json!({ "id": id }))))
        .collect()
}

fn query(rules: Json) -> Json {
    let query = json!({ "connection": "warehouse", "sql": "select id from things", "key": "id" });
    json!({ "query": query, "rows": rules })
}

async fn take(bench: &Bench) -> Drawing {
    let taken = bench.store.take_source(LEASE_TIME).await.expect("a look");
    taken.expect("a source to read")
}

async fn keep(bench: &Bench, drawing: &mut Drawing, ids: impl IntoIterator<Item = u64>) {
    let kept = bench.store.keep_rows(drawing, rows(ids), None).await;
    assert_eq!(kept.expect("kept"), Drawn::Kept);
}

async fn view(bench: &Bench, batch: i64) -> BatchView {
    let view = bench.store.batch(DEFAULT_TENANT, batch).await;
    view.expect("its view")
}

/// Why a batch failed; nothing of it runs.
async fn failed(bench: &Bench, batch: i64) -> Problem {
    let view = view(bench, batch).await;
    assert_eq!(view.state, "failed");
    assert_eq!(bench.count("select count(*) from job").await, 0);
    assert_eq!(bench.count("select count(*) from held").await, 0);
    serde_json::from_str(&view.reason.expect("a reason")).expect("a problem")
}

/// Twenty-five keys, each of them twice.
pub async fn keys_twice(expect: &str) {
    let bench = birds().await;
    apply(&bench.store, &[WAREHOUSE], "").await;
    let batch = create(&bench.store, &over(query(json!({})), "individual")).await;
    let mut drawing = take(&bench).await;
    keep(&bench, &mut drawing, (1..=25).chain(1..=25)).await;

    let ended = bench.store.end_source(drawing).await.expect("judged");

    assert_eq!(ended, Drawn::Refused);
    let problem = failed(&bench, batch).await;
    let (_, wanted) = expect.split_once("): ").expect("what is told");
    assert_eq!(wanted, "count, first 20 keys with positions, nothing runs");
    assert_eq!(problem.code, code_of(expect));
    let told: Vec<String> = (1..=20)
        .map(|key| format!("`{key}` ({key} and {})", key + 25))
        .collect();
    let told = format!(
        "25 keys stand in 50 rows; by row: {} and 5 more",
        told.join(", ")
    );
    assert_eq!(problem.message, told);
}

/// Reading breaks off with half of the rows there: the next try begins from nothing, and the third is the last.
async fn cut(expect: &str) {
    let said = "from zero, old jobs closed; after 3 tries failed(source_failed)";
    assert_eq!(expect, said);
    let bench = birds().await;
    apply(&bench.store, &[WAREHOUSE], "").await;
    let batch = create(&bench.store, &over(query(json!({})), "individual")).await;
    for (round, wanted) in [Drawn::Kept, Drawn::Kept, Drawn::Refused]
        .into_iter()
        .enumerate()
    {
        let mut drawing = take(&bench).await;
        assert_eq!(drawing.n, 0, "from zero");
        let there = "select count(*) from source_row";
        assert_eq!(bench.count(there).await, 0, "try {round}");
        keep(&bench, &mut drawing, 1..=500).await;
        // No job is made before the last row is there, so none of an earlier try is open.
        assert_eq!(bench.store.plan().await.expect("a look"), Planned::Idle);
        assert_eq!(bench.count("select count(*) from job").await, 0);
        let answer = bench.store.break_off_source(&drawing, "it hung up").await;
        assert_eq!(answer.expect("noted"), wanted);
        sqlx::query("update batch set source_until = null")
            .execute(&bench.pool)
            .await
            .expect("the pause is over");
    }
    assert_eq!(failed(&bench, batch).await.code, code_of(expect));
}

/// The second page begins with the item that ended the first.
async fn page_repeats() {
    let http = json!({ "connection": "feed", "path": "/rows", "items": ".", "key": "id" });
    for (duplicate, out) in [("refuse", 0), ("first", 3), ("last", 2)] {
        let bench = birds().await;
        apply(&bench.store, &[FEED], "").await;
        let selection = json!({ "http": http, "rows": { "duplicate": duplicate } });
        let batch = create(&bench.store, &over(selection, "individual")).await;
        let mut drawing = take(&bench).await;
        keep(&bench, &mut drawing, [1, 2]).await;
        keep(&bench, &mut drawing, [2, 3]).await;

        let ended = bench.store.end_source(drawing).await.expect("judged");

        if duplicate == "refuse" {
            assert_eq!(ended, Drawn::Refused);
            assert_eq!(failed(&bench, batch).await.code, "duplicate_keys");
            continue;
        }
        let sealed = bench.store.plan().await.expect("planned");
        assert_eq!(sealed, Planned::Sealed(batch));
        let rows = told(&bench, batch).await;
        assert_eq!(rows[3..], [left(out, "2", "duplicate")], "{duplicate}");
        assert_eq!(rows[..3], [kept(1, "1"), kept(2, "2"), kept(3, "3")]);
    }
}

/// Plans until the first block has committed, and then no more.
async fn in_part(bench: &Bench, batch: i64) {
    let moved = async {
        let cursor = "select coalesce(max(cursor_n), 0) from batch where state = 'planning'";
        while bench.count(cursor).await == 0 {}
    };
    tokio::select! {
        biased;
        () = moved => {}
        planned = bench.store.plan() => panic!("planned whole: {planned:?}"),
    }
    assert_eq!(view(bench, batch).await.state, "planning");
}

/// What must be the same however often a plan was begun.
async fn digest(bench: &Bench, batch: i64) -> (Option<String>, Option<String>, usize) {
    let view = view(bench, batch).await;
    let jobs = jobs(&bench.pool, batch).await;
    (view.selection_hash, view.plan_hash, jobs.len())
}

async fn many() -> Bench {
    let bench = Bench::new().await;
    with_birds(&bench.store, &flock(MANY, 1_700)).await;
    bench
}

async fn killed() {
    let bench = many().await;
    let source = over(json!({ "category": "birds" }), "individual");
    let undisturbed = plan(&bench.store, &source).await;
    let batch = create(&bench.store, &source).await;

    in_part(&bench, batch).await;
    while bench.store.plan().await.expect("planned") != Planned::Idle {}

    let found = digest(&bench, batch).await;
    assert_eq!(found, digest(&bench, undisturbed.id).await);
    assert_eq!(found.2, MANY);
}

/// A load commits in the middle of a plan, having begun before it or not.
async fn loaded_while_planning(csv: &str, is_begun_before: bool) {
    let bench = many().await;
    let source = over(json!({ "category": "birds" }), "individual");
    let undisturbed = plan(&bench.store, &source).await;
    let load = async |bench: &Bench| {
        let loaded = load_items(&bench.store, Format::Csv, csv).await;
        assert!(loaded.expect("loaded").loaded);
    };
    let batch = if is_begun_before {
        let mut gate = bench
            .database
            .hold("select from category for no key update")
            .await;
        let disturbed = async {
            while gate.lock_waits().await == 0 {
                tokio::task::yield_now().await;
            }
            let batch = create(&bench.store, &source).await;
            in_part(&bench, batch).await;
            gate.commit().await;
            batch
        };
        let ((), batch) = tokio::join!(load(&bench), disturbed);
        batch
    } else {
        let batch = create(&bench.store, &source).await;
        in_part(&bench, batch).await;
        load(&bench).await;
        batch
    };
    let version = "select version::int8 from category";
    assert_eq!(bench.count(version).await, 2, "the load has committed");

    while bench.store.plan().await.expect("planned") != Planned::Idle {}

    let found = digest(&bench, batch).await;
    assert_eq!(found, digest(&bench, undisturbed.id).await);
    assert_eq!(view(&bench, batch).await.category_version, Some(1));
}
