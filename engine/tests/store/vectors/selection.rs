//! The edges of selections, each played as its case says. Sources outside, and plans that others disturb, stand in
//! `sources.rs`.
//!
//! A file is read whole before its batch is made. Where a vector says `plan failed(code)` of one, its sender is told
//! that code at once, and there is no batch that could fail later.

use super::kit::{Case, of_batches};
use super::{real, sources};
use crate::category::load as load_items;
use crate::common::Bench;
use crate::common::recipe::{BIRDS, jobs, kept, left, over, plan, plan_failing, told, with_birds};
use crate::upload::{parquet_file, upload_under};
use serde_json::{Value as Json, json};
use windlass_engine::Error;
use windlass_engine::protocol::{CreatedBatch, Planned, Source};
use windlass_engine::store::{BatchView, DEFAULT_TENANT};
use windlass_workflows::configuration::Format;
use windlass_workflows::problem::Problem;

/// Who sends a body that breaks off.
const HTTP: &str = "api/tests/http/batches.rs";
/// Who serves pages that lead in a circle.
const PAGES: &str = "workers/tests/live/outside.rs";

pub async fn birds() -> Bench {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    bench
}

/// A selection over a file of this kind, with keys that say how.
pub fn file(kind: &str, rest: Json, strategy: &str) -> Source {
    let mut selection = json!({ "file": format!("b.{kind}") });
    let keys = selection.as_object_mut().expect("a map");
    keys.extend(rest.as_object().expect("a map").clone());
    over(selection, strategy)
}

async fn upload(
    bench: &Bench,
    source: &Source,
    bytes: impl Into<Vec<u8>>,
) -> Result<CreatedBatch, Error> {
    upload_under(bench, source, bytes, None).await
}

async fn planned(bench: &Bench, source: &Source, bytes: impl Into<Vec<u8>>) -> BatchView {
    let batch = upload(bench, source, bytes).await.expect("created").id;
    let sealed = bench.store.plan().await.expect("planned");
    assert_eq!(sealed, Planned::Sealed(batch));
    let view = bench.store.batch(DEFAULT_TENANT, batch).await;
    view.expect("its view")
}

/// Why a file is no selection; nothing of it is there.
async fn problem(bench: &Bench, source: &Source, bytes: impl Into<Vec<u8>>) -> Problem {
    let problem = crate::common::recipe::refused(upload(bench, source, bytes).await);
    for rows in ["batch", "source_row", "job"] {
        let sql = match rows {
            "batch" => "select count(*) from batch",
            "job" => "select count(*) from job",
            _ => "select count(*) from source_row",
        };
        assert_eq!(bench.count(sql).await, 0, "{rows}");
    }
    problem
}

/// Why a plan over a file failed, whose rows are rows only under another strategy; nothing of it runs.
async fn failed(bench: &Bench, source: &Source, text: &str) -> Problem {
    let batch = upload(bench, source, text).await.expect("created").id;
    let failed = bench.store.plan().await.expect("decided");
    assert_eq!(failed, Planned::Failed(batch));
    let view = bench.store.batch(DEFAULT_TENANT, batch).await.expect("it");
    assert_eq!(bench.count("select count(*) from held").await, 0);
    serde_json::from_str(&view.reason.expect("a reason")).expect("a problem")
}

/// The code of `plan failed(code)…`.
pub fn code_of(expect: &str) -> &str {
    let (_, rest) = expect.split_once('(').expect("a code in brackets");
    rest.split_once(')').expect("a code in brackets").0
}

#[tokio::test]
async fn selections_come_to_what_their_vectors_say() {
    for mut case in of_batches("selection") {
        let name = case.text("case");
        if name == "upload cut after half" {
            case.leave_whole(&name, HTTP);
            continue;
        }
        if name == "HTTP next link points to a page already read" {
            case.leave_whole(&name, PAGES);
            continue;
        }
        let expect = case.text("expect");
        let played = keys(&mut case, &name, &expect).await
            || rows(&mut case, &name, &expect).await
            || filters(&name, &expect).await
            || sources::played(&name, &expect).await;
        assert!(played, "a vector that nobody plays: {name}");
    }
}

async fn keys(case: &mut Case, name: &str, expect: &str) -> bool {
    match name {
        "a key twice, duplicate: refuse" => sources::keys_twice(expect).await,
        "a key three times, duplicate: first" => {
            assert_eq!(expect, "the first is a member, two rows left_out duplicate");
            let out = [left(2, "7", "duplicate"), left(3, "7", "duplicate")];
            thrice("first", 1, out).await;
        }
        "a key three times, duplicate: last" => {
            assert_eq!(expect, "the last is a member, two rows left_out duplicate");
            let out = [left(1, "7", "duplicate"), left(2, "7", "duplicate")];
            thrice("last", 3, out).await;
        }
        "equal content, row keys" => {
            assert_eq!(expect, "no duplicates (24 repeated strikes are members)");
            repeated_strikes().await;
        }
        "key 7 and key '7'" => {
            assert_eq!(expect, "duplicate");
            assert!(case.says("note", "keys are text; 1.0 and 1 are both '1'"));
            let bench = birds().await;
            let first = json!({ "key": "id", "rows": { "duplicate": "first" } });
            let text = "{\"id\":7}\n{\"id\":\"7\"}\n{\"id\":1.0}\n{\"id\":1}\n";
            let batch = planned(&bench, &file("ndjson", first, "individual"), text).await;
            let (seven, one) = (left(2, "7", expect), left(4, "1", expect));
            let rows = [kept(1, "7"), kept(2, "1"), seven, one];
            assert_eq!(told(&bench, batch.id).await, rows);
        }
        _ => return false,
    }
    true
}

type Told = (i64, String, String, Option<String>);

/// One key in three rows: the member's document is that of row `of`.
async fn thrice(duplicate: &str, of: i64, out: [Told; 2]) {
    let bench = birds().await;
    let rest = json!({ "key": "id", "rows": { "duplicate": duplicate } });
    let text = "id,v\n7,1\n7,2\n7,3\n";

    let batch = planned(&bench, &file("csv", rest, "individual"), text).await;

    let [one, other] = out;
    assert_eq!(told(&bench, batch.id).await, [kept(1, "7"), one, other]);
    let document = &jobs(&bench.pool, batch.id).await[0].2;
    let document: Json = serde_json::from_str(document).expect("JSON");
    assert_eq!(document["v"].to_string().trim_matches('"'), of.to_string());
}

async fn repeated_strikes() {
    let bench = real::strikes().await;
    let each = real::over_strikes(json!({ "strategy": "individual" }));
    let batch = plan(&bench.store, &each).await;
    let rows = real::inputs(&bench, &batch).await;
    let distinct: std::collections::BTreeSet<_> = rows.iter().map(Json::to_string).collect();
    assert_eq!((batch.planned.members, batch.planned.left_out), (10_000, 0));
    assert_eq!(rows.len() - distinct.len(), 24);
}

async fn rows(case: &mut Case, name: &str, expect: &str) -> bool {
    let bench = birds().await;
    let by_id = || json!({ "key": "id" });
    let of = |kind: &str| file(kind, by_id(), "individual");
    match name {
        "key missing, null, object or array" => {
            for row in ["{}", r#"{"id":null}"#, r#"{"id":{}}"#, r#"{"id":[7]}"#] {
                let text = format!("{{\"id\":1}}\n{row}\n");
                let found = problem(&bench, &of("ndjson"), text).await;
                assert_eq!((&*found.code, found.line), (expect, Some(2)), "{row}");
            }
        }
        "object key missing or null, strategy object" => {
            let rest = json!({ "key": "id", "object": "state" });
            for row in [r#"{"id":1}"#, r#"{"id":1,"state":null}"#] {
                let source = file("ndjson", rest.clone(), "object");
                assert_eq!(failed(&bench, &source, row).await.code, expect, "{row}");
            }
        }
        "object key missing, strategy individual" => {
            assert_eq!(expect, "member with object null");
            let rest = json!({ "key": "id", "object": "state" });
            let source = file("ndjson", rest, "individual");
            let batch = planned(&bench, &source, r#"{"id":1}"#).await;
            let job = jobs(&bench.pool, batch.id).await.remove(0);
            assert_eq!((job.0.as_deref(), job.1), (Some("1"), None));
        }
        "row misses the category schema" => {
            assert_eq!(expect, "refused at load, never in a selection");
            let text = "name,state,cost\nKite,Ohio,many\n";
            let answer = load_items(&bench.store, Format::Csv, text).await;
            assert_eq!(crate::common::recipe::refused(answer).code, "invalid_row");
            let all = over(json!({ "category": "birds" }), "individual");
            assert_eq!(plan(&bench.store, &all).await.planned.members, 5);
        }
        "document over the payload cap" => {
            let text = format!("{{\"id\":1,\"text\":\"{}\"}}\n", "x".repeat(1 << 20));
            assert_eq!(problem(&bench, &of("ndjson"), text).await.code, expect);
        }
        "ragged CSV row" => {
            let found = problem(&bench, &of("csv"), "id,v\n1,a\n2\n").await;
            assert_eq!((&*found.code, found.line), (expect, Some(3)));
            assert!(case.says("names", "line and column count"));
            let said = "line 3 has 1 columns; the header has 2";
            assert_eq!(found.message, said);
        }
        "broken JSON line, broken Parquet page" => broken(&bench, expect).await,
        _ => return false,
    }
    true
}

async fn broken(bench: &Bench, expect: &str) {
    let mut page = parquet_file::birds(&[("Wren", None, 1), ("Auk", None, 2)]);
    page[4..40].fill(0xff);
    let line = b"{\"id\":1}\n{\"id\":\n{\"id\":3}\n".to_vec();
    assert!(expect.ends_with("whatever rows.invalid says"), "{expect}");
    for (kind, bytes) in [("ndjson", line), ("parquet", page)] {
        for invalid in ["refuse", "leave_out"] {
            let rest = json!({ "rows": { "invalid": invalid } });
            let source = file(kind, rest, "individual");
            let found = problem(bench, &source, bytes.clone()).await;
            assert_eq!(found.code, code_of(expect), "{kind}, {invalid}");
        }
    }
}

async fn filters(name: &str, expect: &str) -> bool {
    let bench = birds().await;
    let by = |filter: &str| {
        over(
            json!({ "category": "birds", "filter": filter }),
            "individual",
        )
    };
    match name {
        "filter gives a string" => {
            assert!(expect.ends_with(" with the row"), "{expect}");
            // The first row that is looked at is not the one that fails: the plan does, not the request.
            let filter = r#"if .name == "Owl" then .name else true end"#;
            let source = crate::common::recipe::recipe(json!({
                "selection": { "category": "birds", "filter": filter },
                "strategy": "individual", "guards": { "min_members": 0 },
            }));
            let (_, found) = plan_failing(&bench.store, &source).await;
            assert_eq!(found.code, code_of(expect));
            assert!(found.message.contains("`Owl`"), "{}", found.message);
        }
        "filter gives null" => {
            assert_eq!(expect, "not a member");
            let filter = r#"if .name == "Owl" then null else true end"#;
            let batch = plan(&bench.store, &by(filter)).await;
            assert_eq!((batch.planned.members, batch.planned.left_out), (4, 0));
        }
        "limit 10 with a filter" => {
            assert_eq!(expect, "the first 10 that pass");
            let text: String = (1..=30).map(|n| format!("{{\"id\":{n}}}\n")).collect();
            let rest = json!({ "key": "id", "filter": ".id % 2 == 0", "limit": 10 });
            let batch = planned(&bench, &file("ndjson", rest, "individual"), text).await;
            let found = jobs(&bench.pool, batch.id).await.into_iter();
            let found: Vec<_> = found.filter_map(|job| job.0).collect();
            let first: Vec<String> = (1..=10).map(|n| (2 * n).to_string()).collect();
            assert_eq!(found, first);
        }
        _ => return false,
    }
    true
}
